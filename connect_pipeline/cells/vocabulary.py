"""The words that exports use, and the form in which each is published.

For: the look-ups of `normalise.py`: grades, contact methods, languages.
Belongs here: words and codes that are in real use in US schools and have one meaning. What could
mean two things is left out: a warning is better than a message in the wrong language.
"""

from __future__ import annotations

_ORDINALS = ("1ST", "2ND", "3RD", *(f"{number}TH" for number in range(4, 13)))


def _grades() -> dict[str, str]:
    """Upper-case words without spaces, to `TK`, `PK`, `K`, `1` to `12` or `UG`."""
    words = dict.fromkeys(("UG", "UNGRADED", "UE", "US"), "UG")
    words |= dict.fromkeys(("TK", "-1", "TRANSITIONALKINDERGARTEN", "TRANSITIONALK"), "TK")
    words |= dict.fromkeys(("PK", "PS", "PREK", "PRE-K", "PK3", "PK4", "-2"), "PK")
    words |= dict.fromkeys(("PRESCHOOL", "PREKINDERGARTEN", "PRE-KINDERGARTEN"), "PK")
    words |= dict.fromkeys(
        ("K", "0", "00", "KG", "KN", "KF", "KH", "KDG", "KINDER", "KINDERGARTEN", "GRADEK"), "K"
    )
    for number, ordinal in enumerate(_ORDINALS, start=1):
        for digits in (str(number), f"{number:02}"):
            forms = (digits, f"GRADE{digits}", f"GR{digits}", f"GR.{digits}", f"G{digits}")
            words |= dict.fromkeys(forms, str(number))
        words |= dict.fromkeys((ordinal, f"0{ordinal}", f"{ordinal}GRADE"), str(number))
    return words


GRADES = _grades()

_CONTACT_WORDS = {
    "text": ("text", "sms", "textmessage", "texting", "txt", "cell"),
    "phone": ("phone", "voice", "call", "phonecall", "telephone", "voicecall", "homephone"),
    "email": ("email", "electronicmail"),
    "all": ("all", "any", "both", "every", "everything"),
}


def _inverted(words_of: dict[str, tuple[str, ...]]) -> dict[str, str]:
    return {word: published for published, words in words_of.items() for word in words}


CONTACT_METHODS = _inverted(_CONTACT_WORDS)
"""Lower-case words without spaces and hyphens, to `text`, `phone`, `email` or `all`."""

_TWO_LETTER_CODES = (
    "aa ab ae af ak am an ar as av ay az ba be bg bi bm bn bo br bs ca ce ch co cr cs cu cv cy da"
    " de dv dz ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy"
    " hz ia id ie ig ii ik io is it iu ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg"
    " li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl nn no nr nv ny oc oj om or"
    " os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st su sv sw ta"
    " te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu"
)

# By tag: ISO 639-2 and 639-3 codes (where a language has a code of two letters, BCP 47 wants that
# one), and names. Not the two digits of state data systems: 03 is Cantonese in California and Lao
# in Texas, 04 is Korean and Khmer.
_LANGUAGE_WORDS: dict[str, tuple[str, ...]] = {
    "af": ("afrikaans",),
    "aii": ("aii", "assyrian"),
    "am": ("amh", "amharic"),
    "ar": ("ara", "arabic"),
    "ase": ("ase", "american sign language"),
    "bg": ("bul", "bulgarian"),
    "bn": ("ben", "bengali"),
    "bo": ("tib", "bod", "tibetan"),
    "bs": ("bos", "bosnian"),
    "ca": ("catalan",),
    "ceb": ("ceb", "cebuano", "cebuano (visayan)", "visayan"),
    "ch": ("cha", "chamorro", "chamorro (guamanian)"),
    "chk": ("chk", "chuukese"),
    "cld": ("cld", "chaldean"),
    "cnh": ("cnh",),
    "cs": ("cze", "ces", "czech"),
    "cy": ("welsh",),
    "da": ("dan", "danish"),
    "de": ("ger", "deu", "german"),
    "el": ("gre", "ell", "greek"),
    "en": ("eng", "english"),
    "es": ("spa", "spanish", "spanish; castilian", "castilian", "español", "espanol"),
    "et": ("est", "estonian"),
    "fa": ("per", "fas", "farsi", "persian", "farsi (persian)"),
    "ff": ("ful",),
    "fi": ("fin", "finnish"),
    "fil": (
        "fil",
        "filipino",
        "pilipino",
        "filipino (pilipino or tagalog)",
        "pilipino (tagalog)",
    ),
    "fr": ("fre", "fra", "french"),
    "ga": ("irish",),
    "gu": ("guj", "gujarati"),
    "ha": ("hau", "hausa"),
    "haw": ("haw", "hawaiian"),
    "he": ("heb", "hebrew"),
    "hi": ("hin", "hindi"),
    "hmn": ("hmn", "hmong"),
    "hmv": ("hmv",),
    "hr": ("hrv", "croatian"),
    "ht": ("hat", "haitian creole", "haitian", "creole (haitian)", "creole, haitian"),
    "hu": ("hun", "hungarian"),
    "hy": ("arm", "hye", "armenian"),
    "id": ("ind", "indonesian"),
    "ig": ("ibo", "igbo"),
    "ilo": ("ilo", "ilocano", "ilokano"),
    "is": ("icelandic",),
    "it": ("ita", "italian"),
    "ium": ("ium", "mien", "mien (yao)"),
    "ja": ("jpn", "japanese"),
    "ka": ("geo", "kat", "georgian"),
    "kea": ("kea", "cape verdean creole"),
    "kjb": ("kjb",),
    "kjg": ("kjg", "khmu"),
    "kk": ("kaz", "kazakh"),
    "km": ("khm", "khmer", "cambodian", "khmer (cambodian)"),
    "kn": ("kan", "kannada"),
    "ko": ("kor", "korean"),
    "ksw": ("ksw",),
    "ku": ("kur", "kurdish"),
    "kyu": ("kyu",),
    "lhu": ("lhu", "lahu"),
    "ln": ("lin", "lingala"),
    "lo": ("lao", "laotian"),
    "lt": ("lit", "lithuanian"),
    "lv": ("lav", "latvian"),
    "mam": ("mam",),
    "mh": ("mah", "marshallese"),
    "mk": ("mac", "mkd", "macedonian"),
    "ml": ("mal", "malayalam"),
    "mn": ("mon", "mongolian"),
    "mr": ("mar", "marathi"),
    "ms": ("may", "msa", "malay"),
    "mww": ("mww",),
    "my": ("bur", "mya", "burmese"),
    "nan": ("nan", "taiwanese", "chaozhou", "chaozhou (chiuchow)"),
    "ne": ("nep", "nepali"),
    "nl": ("dut", "nld", "dutch"),
    "no": ("nor", "norwegian"),
    "nv": ("nav", "navajo"),
    "om": ("orm", "oromo"),
    "pa": ("pan", "punjabi", "panjabi"),
    "pau": ("pau", "palauan"),
    "pl": ("pol", "polish"),
    "prs": ("prs", "dari"),
    "ps": ("pus", "pashto"),
    "pt": ("por", "portuguese"),
    "pt-BR": ("portuguese (brazil)", "brazilian portuguese"),
    "quc": ("quc",),
    "rhg": ("rhg", "rohingya"),
    "rn": ("run", "kirundi"),
    "ro": ("rum", "ron", "romanian", "rumanian"),
    "ru": ("rus", "russian"),
    "rw": ("kin", "kinyarwanda"),
    "sh": ("serbo-croatian",),
    "si": ("sin", "sinhala"),
    "sk": ("slo", "slk", "slovak"),
    "sm": ("smo", "samoan"),
    "so": ("som", "somali"),
    "sq": ("alb", "sqi", "albanian"),
    "sr": ("srp", "serbian"),
    "sv": ("swe", "swedish"),
    "sw": ("swa", "swahili"),
    "ta": ("tam", "tamil"),
    "te": ("tel", "telugu"),
    "th": ("tha", "thai"),
    "ti": ("tir", "tigrinya"),
    "tl": ("tgl", "tagalog"),
    "to": ("ton", "tongan"),
    "tr": ("tur", "turkish"),
    "tw": ("twi",),
    "uk": ("ukr", "ukrainian"),
    "ur": ("urd", "urdu"),
    "uz": ("uzb", "uzbek"),
    "vi": ("vie", "vietnamese", "tiếng việt"),
    "wo": ("wol", "wolof"),
    "yi": ("yiddish",),
    "yo": ("yor", "yoruba"),
    "yue": (
        "yue",
        "chinese, cantonese",
        "cantonese chinese",
        "chinese (cantonese)",
        "cantonese",
        "toishanese",
    ),
    "zap": ("zap", "zapoteco", "zapotec"),
    "zh": (
        "chi",
        "zho",
        "cmn",
        "chinese",
        "mandarin",
        "mandarin (putonghua)",
        "putonghua",
        "chinese, mandarin",
        "mandarin chinese",
        "chinese (mandarin)",
    ),
    "zh-Hans": ("chinese (simplified)", "simplified chinese"),
    "zh-Hant": ("chinese (traditional)", "traditional chinese"),
}

_NOTHING = ("na", "nan")
"""Codes of Nauruan and Min Nan, by which exports mean that there is nothing."""
# A tag's first part is looked up here too: no name has two or three letters without being a code.
LANGUAGES = {
    word: tag
    for word, tag in (
        *(("english", "en"), ("spanish", "es")),  # most cells, which are looked for in this order
        *((code, code) for code in _TWO_LETTER_CODES.split()),
        *_inverted(_LANGUAGE_WORDS).items(),
    )
    if word not in _NOTHING
}
"""Lower-case names and codes, to BCP 47 tags."""
