"""The gateway's own keys in Redis; all in the organisation's hash tag.

=====================================  ======  ======================================================
key                                    type    what, TTL
=====================================  ======  ======================================================
tw:{org:NS}:visit:<id>                 string  the visit; while it lasts, `keep_s` after it was heard of,
                                               then the retention time
tw:{org:NS}:visit:<id>:personal        string  name and answers; as long as the visit lasts, gone when over
tw:{org:NS}:queue:<clinic uid>         zset    visit → arrival in ms; a day after the last arrival
tw:visits:life                         string  random name of the store's present life; none
=====================================  ======  ======================================================

The gateway alone writes them.
"""

from teleward_contract.units import Namespace

QUEUE_TTL_S = 86_400
LIFE = "tw:visits:life"


def visit(namespace: Namespace, visit_id: str) -> str:
    """The visit."""
    return f"tw:{{org:{namespace}}}:visit:{visit_id}"


def personal(namespace: Namespace, visit_id: str) -> str:
    """The patient's name and answers."""
    return f"{visit(namespace, visit_id)}:personal"


def queue(namespace: Namespace, clinic_uid: str) -> str:
    """The clinic's queue."""
    return f"tw:{{org:{namespace}}}:queue:{clinic_uid}"
