"""kubectl says the same to the API stand-in and to kube-apiserver, command for command."""

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from teleward_testing.apiserving import MERGE, Asking, Served, serving
from teleward_testing.kube import binaries
from teleward_testing.kube.control_plane import ControlPlane

EXAMPLES = Path(__file__).parents[2] / "examples"
HOME = "harbour"
ROOM = "/apis/teleward.io/v1alpha1/namespaces/harbour/meetingrooms/case-conference"

CHANGING = [
    (re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "UID"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"), "TIME"),
    (re.compile(r"(resourceVersion: |Resource Version: *)\"?\d+\"?"), r"\1N"),
    (re.compile(r"\b(\d+[hms])+\b"), "AGE"),
    (re.compile(r"kubectl-edit-\d+"), "FILE"),
    (re.compile(r"(accepted media types include: ).*"), r"\1THOSE"),  # the stand-in has no apply
    (re.compile(r"https://127\.0\.0\.1:\d+"), "SERVER"),
]

KLOG = re.compile(r"[IWE]\d{4} \d\d:")
"""What kubectl notes about its own work."""


@dataclass(frozen=True)
class Said:
    """How a command ended, and what it wrote."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Both:
    """Two servers that are told the same."""

    real: Served
    standin: Served

    def say(self, *words: str, stdin: str = "", editor: str = "true") -> Said:
        """Run a kubectl command on both; it must end alike on both."""
        real, standin = (self._run(one, words, stdin, editor) for one in (self.real, self.standin))
        assert standin == real
        return real

    @staticmethod
    def _run(server: Served, words: tuple[str, ...], stdin: str, editor: str) -> Said:
        program = binaries.find("kubectl")
        assert program is not None
        answer = subprocess.run(
            [str(program), "--kubeconfig", str(server.kubeconfig), *words], input=stdin,
            capture_output=True, text=True, check=False, timeout=60,
            env={"KUBE_EDITOR": editor, "PATH": "/usr/bin:/bin", "HOME": str(server.kubeconfig.parent)},
        )  # fmt: skip
        return Said(answer.returncode, _settled(answer.stdout), _settled(answer.stderr))


def _settled(text: str) -> str:
    for pattern, word in CHANGING:
        text = pattern.sub(word, text)
    lines = [line for line in text.splitlines() if not KLOG.match(line)]
    return "\n".join(" ".join(line.split()) for line in lines)


@pytest.fixture(scope="module")
def both(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    with serving(tmp_path_factory.mktemp("stand-in")) as (standin, asking):
        made = Both(control_plane, standin)
        made.say("create", "namespace", HOME)
        yield made
        with Asking(control_plane) as real:
            for ask in (real, asking):
                ask.ok("DELETE", f"/api/v1/namespaces/{HOME}")


@pytest.fixture(scope="module")
def declared(both: Both) -> Both:
    """The two servers with one of each kind."""
    assert both.say("apply", "-f", "-", stdin=declarations()).code == 0
    return both


def declarations() -> str:
    """The first of each kind in the examples, in a namespace of this test."""
    found: dict[str, dict[str, object]] = {}
    for one in yaml.safe_load_all((EXAMPLES / "clinics.yaml").read_text("utf-8")):
        if one["kind"] != "Namespace":
            one["metadata"]["namespace"] = HOME
            found.setdefault(one["kind"], one)
    return yaml.safe_dump_all(found.values())


def test_apply_twice_says_what_it_did(both: Both) -> None:
    first = both.say("apply", "-f", "-", stdin=declarations())
    again = both.say("apply", "-f", "-", stdin=declarations())

    assert first.out.count("created") == 6
    assert again.out.count("unchanged") == 6


@pytest.mark.parametrize(
    "words",
    [
        ("get", "teleward", "-n", HOME),
        ("get", "org,cl,wa,mr,ur,mp", "-n", HOME),
        ("get", "clinics", "-A", f"--field-selector=metadata.namespace={HOME}"),
        ("get", "clinics", "-n", HOME, "-o", "wide"),
        ("get", "clinics", "-n", HOME, "-o", "name"),
        ("get", "clinics", "-n", HOME, "-o", "jsonpath={.items[*].spec.displayName}"),
        ("get", "waitingareas", "-n", HOME, "-o", "yaml"),
        ("get", "clinics", "-n", HOME, "--show-labels"),
        ("get", "clinics", "-n", HOME, "--chunk-size=1"),
        ("get", "clinics", "-n", "nowhere"),
        ("get", "clinic", "-n", HOME, "absent"),
        ("get", "rabbits"),
        ("get", "meetingrooms", "-n", HOME, "--field-selector=spec.clinicRef.name=cardiology"),
        ("get", "meetingrooms", "-n", HOME, "--field-selector=spec.locked=true"),
        ("describe", "clinics", "-n", HOME),
        ("describe", "mediapool", "-n", HOME),
        ("explain", "clinic.spec"),
        ("explain", "waitingarea.spec.hours.weekly"),
        ("explain", "mediapool.spec", "--recursive"),
        ("explain", "clinic.spec.rabbits"),
        ("api-resources", "--api-group=teleward.io"),
        ("api-resources", "--categories=teleward", "-o", "name"),
    ],
    ids=" ".join,
)
def test_reading_reads_alike(declared: Both, words: tuple[str, ...]) -> None:
    assert any((said := declared.say(*words)).__dict__.values()), said


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("create", "-f", "-"), 1),
        (("patch", "clinic", "cardiology", "-p", '{"spec":{"displayName":"B"}}', "--type=merge"), 0),
        (("patch", "clinic", "cardiology", "-p", '{"spec":{"slug":"A"}}', "--type=merge"), 1),
        (("patch", "clinic", "cardiology", "-p", '[{"op":"test","path":"/kind","value":"x"}]', "--type=json"), 1),
        (("patch", "clinic", "cardiology", "-p", '{"spec":{"x":1}}', "--type=merge"), 0),
        (("patch", "clinic", "cardiology", "-p", "{}", "--type=strategic"), 1),
        (("patch", "clinic", "absent", "-p", "{}", "--type=merge"), 1),
        (("patch", "clinic", "cardiology", "--subresource=status", "-p", '{"status":{"rooms":3}}', "--type=merge"), 0),
        (("label", "clinic", "cardiology", "tier=gold"), 0),
        (("label", "clinic", "cardiology", "tier=tin"), 1),
        (("label", "clinic", "cardiology", "tier=tin", "--overwrite"), 0),
        (("annotate", "clinic", "cardiology", "example.org/a=b"), 0),
        (("get", "clinics", "-l", "tier=tin"), 0),
        (("scale", "mediapool", "default", "--replicas=3"), 0),
        (("scale", "mediapool", "default", "--replicas=5", "--current-replicas=4"), 1),
        (("scale", "mediapool", "default", "--replicas=-1"), 1),
        (("scale", "clinic", "cardiology", "--replicas=3"), 1),
        (("wait", "clinic/cardiology", "--for=jsonpath={.status.rooms}=3", "--timeout=5s"), 0),
        (("wait", "clinic/cardiology", "--for=condition=Ready", "--timeout=1s"), 1),
        (("delete", "meetingroom", "absent"), 1),
        (("delete", "meetingroom", "absent", "--ignore-not-found"), 0),
        (("delete", "clinic", "cardiology", "--dry-run=server"), 0),
        (("delete", "clinic", "cardiology", "--wait"), 0),
        (("wait", "clinic/cardiology", "--for=delete", "--timeout=5s"), 0),
        (("delete", "userrooms", "--all"), 0),
    ],
)  # fmt: skip
def test_writing_writes_alike(declared: Both, words: tuple[str, ...], code: int) -> None:
    """One story from top to bottom: what a line changes is there for the next."""
    stdin = declarations() if "-f" in words else ""

    assert declared.say("-n", HOME, *words, stdin=stdin).code == code


def test_edit_edits_alike(declared: Both, tmp_path: Path) -> None:
    def editor(name: str, old: str, new: str) -> str:
        script = tmp_path / name
        script.write_text(f'#!/bin/sh\nsed -i "s/{old}/{new}/" "$1"\n')
        script.chmod(0o700)
        return str(script)

    def edit(editor: str) -> Said:
        return declared.say("edit", "mediapool", "default", "-n", HOME, editor=editor)

    assert "edited" in edit(editor("good", "policy: Pack", "policy: Spread")).out
    assert "no changes made" in edit("true").err
    spoilt = edit(editor("bad", "policy: Spread", "policy: Luck"))
    assert spoilt.code == 1
    assert "is invalid" in spoilt.err


def test_an_apply_of_a_conflict_and_a_diff_read_alike(declared: Both) -> None:
    declared.say("apply", "-f", "-", stdin=declarations())
    changed = declarations().replace("policy: Spread", "policy: TwoChoices")

    differs = declared.say("diff", "-f", "-", stdin=changed)

    assert differs.code in (0, 1)
    assert declared.say("apply", "-f", "-", stdin="{").code == 1
    assert declared.say("apply", "-f", "-", stdin="kind: Clinic").code == 1
    assert declared.say("apply", "--prune", "--all", "-n", HOME, "-f", "-", stdin="").code == 1


def test_a_room_that_waits_for_a_finalizer_is_said_to_be_deleted_later(declared: Both) -> None:
    for server in (declared.real, declared.standin):
        with Asking(server) as ask:
            meta = {"metadata": {"finalizers": ["example.org/guard"]}}
            ask.ok("PATCH", ROOM, meta, MERGE)

    assert declared.say("delete", "mr", "case-conference", "-n", HOME, "--timeout=1s").code == 1
    free = '{"metadata":{"finalizers":null}}'
    declared.say("patch", "mr", "case-conference", "-n", HOME, "-p", free, "--type=merge")
    assert declared.say("get", "mr", "-n", HOME, "case-conference").code == 1


@pytest.mark.parametrize("file", sorted(path.name for path in EXAMPLES.glob("*.yaml")))
def test_an_example_can_be_applied_to_an_empty_cluster(both: Both, file: str) -> None:
    assert both.say("apply", "-f", str(EXAMPLES / file)).code == 0
    again = both.say("apply", "-f", str(EXAMPLES / file))

    assert set(re.findall(r" (created|configured|unchanged)$", again.out, re.MULTILINE)) == {
        "unchanged"
    }
