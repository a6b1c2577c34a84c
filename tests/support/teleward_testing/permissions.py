"""Who may do what in a clinic, written the other way round than the gateway's table: action → standings."""

from teleward_gateway.core.admission import Action

MATRIX = {
    Action.SEE_CLINIC: "OrganisationAdmin ClinicAdmin Clinician Receptionist Referrer",
    Action.SEE_QUEUE: "OrganisationAdmin ClinicAdmin Clinician Receptionist Referrer",
    Action.CALL_IN: "OrganisationAdmin ClinicAdmin Clinician",
    Action.JOIN_VISIT: "OrganisationAdmin ClinicAdmin Clinician Patient",
    Action.RETURN: "OrganisationAdmin ClinicAdmin Clinician",
    Action.END_VISIT: "OrganisationAdmin ClinicAdmin Clinician",
    Action.REFUSE: "OrganisationAdmin ClinicAdmin Clinician Receptionist",
    Action.HOLD: "OrganisationAdmin ClinicAdmin Clinician",
    Action.RESUME: "OrganisationAdmin ClinicAdmin Clinician",
    Action.HAND_OVER: "OrganisationAdmin ClinicAdmin Clinician",
    Action.HAND_OVER_OTHERS: "OrganisationAdmin ClinicAdmin",
    Action.TRANSFER: "OrganisationAdmin ClinicAdmin Clinician Receptionist Referrer",
    Action.ADD: "OrganisationAdmin ClinicAdmin Clinician",
    Action.MESSAGE: "OrganisationAdmin ClinicAdmin Clinician Receptionist",
    Action.MESSAGE_ALL: "OrganisationAdmin ClinicAdmin Clinician Receptionist",
    Action.PRIORITISE: "OrganisationAdmin ClinicAdmin Clinician Receptionist",
    Action.ENTER_MEETING_ROOM: "OrganisationAdmin ClinicAdmin Clinician",
    Action.ENTER_USER_ROOM: "Owner",
    Action.HOST_USER_ROOM: "Owner",
    Action.INVITE: "OrganisationAdmin ClinicAdmin Clinician Receptionist",
    Action.SEE_GUESTS: "OrganisationAdmin ClinicAdmin Clinician Receptionist",
    Action.ADMIT_GUEST: "OrganisationAdmin ClinicAdmin Clinician",
    Action.REFUSE_GUEST: "OrganisationAdmin ClinicAdmin Clinician Receptionist",
    Action.REVOKE_LINK: "OrganisationAdmin ClinicAdmin Clinician Receptionist",
    Action.READ_REPORTS: "OrganisationAdmin ClinicAdmin OrganisationReporter",
    Action.READ_AUDIT: "OrganisationAdmin",
    Action.WAIT: "Patient",
    Action.LEAVE: "Patient",
    Action.FOLLOW: "Patient",
    Action.KNOCK: "Guest",
    Action.ENTER_AS_GUEST: "Guest",
}


def is_in_matrix(standing: str, action: Action) -> bool:
    """Whether the matrix permits the action."""
    return standing in MATRIX[action].split()
