"""Words of questions and of names: split at case and underscore, and compared by their stems."""

import re

STOP_WORDS = set(
    """a about again all also although am an and another any are as at back be because been before being but by can
    could did do does doing done down during each either else end every few for from further get gets got had has
    have having her here him his how i if in into is it its itself just kind less let like made make makes many may
    me more most much must my neither new no nor not nothing now of off often on once one only or other our out over
    own rather same say says shall she should since so some still such than that the their them then there these
    they thing this those through to too two under until up upon us use used uses very want was we were what when
    where whether which while who whose why will with within without would yet you your""".split()
)
ENDINGS = ["ational", "ization", "isation", "ations", "ation", "ments", "ment", "ness", "ings", "ing", "ions", "ion"]
ENDINGS += ["edly", "ies", "ied", "ers", "ors", "est", "ed", "er", "or", "ly", "es", "al", "s", "e", "y"]


def split(name):
    """`MappedFile::read_f32` gives mapped, file, read, f32."""
    parts = re.findall(r"[A-Z]+(?![a-z])[0-9]*|[A-Z]?[a-z]+[0-9]*|[0-9]+", name)
    return [part.lower() for part in parts]


def stem(word):
    for ending in ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word[: -len(ending)]
            break
    if len(word) > 3 and word[-1] == word[-2]:
        word = word[:-1]
    return word


def alike(a, b):
    """Whether two words are forms of one: of the same stem, or the one's begins with the other's."""
    a, b = stem(a), stem(b)
    short, long = sorted([a, b], key=len)
    return a == b or len(short) >= 4 and long.startswith(short)


def content(text):
    return [word for word in split(text) if word not in STOP_WORDS]
