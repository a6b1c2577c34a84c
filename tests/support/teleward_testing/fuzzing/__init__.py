"""Strangers' bytes against everything of ours that reads them: targets shared by hypothesis and atheris."""
