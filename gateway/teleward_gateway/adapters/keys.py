"""The gateway's own keys in Redis; all of one organisation's share its hash tag.

=====================================  ======  ======================================================
key                                    type    what, TTL
=====================================  ======  ======================================================
tw:{org:NS}:visit:<id>                 string  the visit; while it lasts, `keep_s` and `SWEEP_WITHIN_S` after it was
                                               heard of, then the retention time
tw:{org:NS}:visit:<id>:account         string  what has to be known to count it; while it lasts, as above
tw:{org:NS}:visit:<id>:personal        string  name and answers; as long as the visit lasts, gone when over
tw:{org:NS}:visit:<id>:words           string  what staff wrote to the patient last; as long as the visit lasts,
                                               that of a refusal for the retention time
tw:{org:NS}:visit:<id>:quality         string  how the patient's path does; 15 s after the last report
tw:{org:NS}:queue:<clinic uid>         zset    visit → arrival in ms; a day after the last arrival or word
tw:{org:NS}:due                        zset    visit → ms at which it has vanished unless heard of; as long as a visit
tw:{org:NS}:report:<clinic>:<day>      hash    what was counted in a clinic on a day → how often; reports' retention
tw:{org:NS}:reported                   zset    clinic → day since 1970 on which was counted last; reports' retention
tw:{org:NS}:audit                      stream  the audit; audit's retention
tw:{org:NS}:refusals:<whose>           string  how many refusals (of staff, of others) the audit has taken in this
                                               minute; 60 s
tw:{org:NS}:guest:<hash>               string  a guest link and what became of it, by the hash of its secret; until
                                               it expires, is revoked, or its visit is over
tw:{org:NS}:guests:<clinic uid>        zset    hash → when it expires, in ms; until the last one does
tw:{org:NS}:messages:<clinic uid>      string  how many messages in this minute; 60 s
tw:{org:NS}:present:<clinic uid>       zset    `<room uid>/<participant>` → ms when seen last; 15 s after it
tw:{org:NS}:at-work:<clinic uid>       zset    session of staff (no ties) → ms when last at the queue; 15 min after it
tw:{org:NS}:present:<clinic uid>:names hash    the same → name as others see it; likewise
tw:{address:<hash>}:limit:<door>…       string  when the address may knock as often as ever again, in ms; until then
tw:{org:NS}:limit:<door>:<clinic uid>  string  the same of a clinic
tw:{staff}:session:<hash>              hash    session of staff and when it ends; idle time, at most the lifetime
tw:{staff}:tied:<tie>                  set     hashes of the sessions that a provider's sign-out ends; lifetime
tw:{staff}:order:<hash>                string  a logout token that was carried out; 20 min
tw:{staff}:life                        string  random name of the store's present life; none
tw:visits:life                         string  random name of the store's present life; none
tw:visits:changed                      channel clinic uid after each change of a visit: look again
=====================================  ======  ======================================================

The gateway alone writes them.
"""

from teleward_contract.units import Namespace

QUEUE_TTL_S = 86_400
SWEEP_WITHIN_S = 86_400
"""How long a visit that has vanished is kept, without personal data, until any gateway counts it."""
LIFE = "tw:visits:life"
CHANGED = "tw:visits:changed"


def visit_prefix(namespace: Namespace) -> str:
    """What every visit's key of an organisation begins with."""
    return f"tw:{{org:{namespace}}}:visit:"


def visit(namespace: Namespace, visit_id: str) -> str:
    """The visit."""
    return f"{visit_prefix(namespace)}{visit_id}"


def personal(namespace: Namespace, visit_id: str) -> str:
    """The patient's name and answers."""
    return f"{visit(namespace, visit_id)}:personal"


def words(namespace: Namespace, visit_id: str) -> str:
    """What staff wrote to the patient last."""
    return f"{visit(namespace, visit_id)}:words"


def quality(namespace: Namespace, visit_id: str) -> str:
    """How the patient's path does."""
    return f"{visit(namespace, visit_id)}:quality"


def account(namespace: Namespace, visit_id: str) -> str:
    """What has to be known of a visit to count it."""
    return f"{visit(namespace, visit_id)}:account"


def due(namespace: Namespace) -> str:
    """When each visit of an organisation has vanished."""
    return f"tw:{{org:{namespace}}}:due"


def report(namespace: Namespace, clinic: str, day: int | str) -> str:
    """What was counted in a clinic on a day."""
    return f"tw:{{org:{namespace}}}:report:{clinic}:{day}"


def reported(namespace: Namespace) -> str:
    """The clinics of which anything was counted."""
    return f"tw:{{org:{namespace}}}:reported"


def audit(namespace: Namespace) -> str:
    """The audit of an organisation."""
    return f"tw:{{org:{namespace}}}:audit"


def refusals(namespace: Namespace, whose: str) -> str:
    """How many refusals of `staff`, or of `others`, the audit has taken in this minute."""
    return f"tw:{{org:{namespace}}}:refusals:{whose}"


def queue(namespace: Namespace, clinic_uid: str) -> str:
    """The clinic's queue."""
    return f"tw:{{org:{namespace}}}:queue:{clinic_uid}"


def guest(namespace: Namespace, guest_id: str) -> str:
    """A guest link."""
    return f"tw:{{org:{namespace}}}:guest:{guest_id}"


def guests(namespace: Namespace, clinic_uid: str) -> str:
    """The guest links of a clinic."""
    return f"tw:{{org:{namespace}}}:guests:{clinic_uid}"


def messages(namespace: Namespace, clinic_uid: str) -> str:
    """How many messages the clinic has sent in this minute."""
    return f"tw:{{org:{namespace}}}:messages:{clinic_uid}"


def present(namespace: Namespace, clinic_uid: str) -> str:
    """Who is in the clinic's rooms."""
    return f"tw:{{org:{namespace}}}:present:{clinic_uid}"


def at_work(namespace: Namespace, clinic_uid: str) -> str:
    """Which staff have lately looked at the clinic's queue."""
    return f"tw:{{org:{namespace}}}:at-work:{clinic_uid}"


def present_names(namespace: Namespace, clinic_uid: str) -> str:
    """What those in the clinic's rooms are called."""
    return f"{present(namespace, clinic_uid)}:names"


def limit(tag: str, name: str) -> str:
    """A bucket of tokens."""
    return f"tw:{{{tag}}}:limit:{name}"


STAFF = "tw:{staff}:"
"""What every key about sessions of staff begins with: they share a hash tag, so that one script can end several."""


def session(name: str) -> str:
    """A session of staff; the name is a hash of what the browser holds."""
    return f"{STAFF}session:{name}"


def tied(tie: str) -> str:
    """The sessions of one tie."""
    return f"{STAFF}tied:{tie}"


def order(order_: str) -> str:
    """A logout token that was carried out."""
    return f"{STAFF}order:{order_}"


def staff_life() -> str:
    """The present life of the store."""
    return f"{STAFF}life"
