"""`districts.yaml`: what is read, and the line and cure of every mistake."""

from __future__ import annotations

import re
from datetime import date, time, timedelta
from pathlib import Path

import pytest

from connect_pipeline.databases import open_scratch
from connect_pipeline.errors import SettingsError
from connect_pipeline.limits import Limits
from connect_pipeline.settings import AddOnly, Attendance
from connect_pipeline.settings_file import load_settings, load_sound_districts

GOOD = """\
districts:
  demo:
    name: Demo Unified School District
    timezone: America/Los_Angeles
    deadline: "23:30"
    sftp:
      host: 127.0.0.1
      port: 2222
      username: demo
      password_env: DEMO_SFTP_PASSWORD
      host_key: "ssh-ed25519 AAAA"
      folder: /exports
      report_folder: /exports/Logs
    sites: {"101": "Lincoln High School"}
    attendance:
      enabled: true
      alert_codes: [A, U]
      send_at: ["10:00", "17:30"]
      policy: once_per_day
      default_channels: [sms, email]
      max_absent_share: 0.4
    thresholds: {removed: 0.10, changed: 0.75}
    quiet_seconds: {core: 60, attendance: 15}
"""


def refused(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "districts.yaml"
    path.write_text(text)
    with pytest.raises(SettingsError) as caught:
        load_settings(path)
    return str(caught.value).splitlines()


def test_the_designs_example_is_read(tmp_path: Path) -> None:
    (tmp_path / "districts.yaml").write_text(GOOD)
    district = load_settings(tmp_path / "districts.yaml").district("demo")
    assert district.deadline == time(23, 30)
    assert district.sites == {"101": "Lincoln High School"}
    assert district.attendance.send_at == (time(10), time(17, 30))
    assert district.zone.key == "America/Los_Angeles"
    assert district.thresholds.removed == 0.10


@pytest.mark.parametrize(
    ("good", "bad", "line", "says"),
    [
        ("host: 127.0.0.1", "host: user:secret@127.0.0.1", 7, "a server's name or address alone"),
        (
            "password_env: DEMO_SFTP_PASSWORD",
            "private_key: -----BEGIN OPENSSH PRIVATE KEY-----",
            10,
            "the path of a key's file, and not the key itself",
        ),
        (
            "port: 2222",
            "prot: 2222",
            8,
            "unknown key `districts.demo.sftp.prot`; allowed here: host",
        ),
        ("      host: 127.0.0.1\n", "", 6, "`districts.demo.sftp.host` is missing and required."),
        ("America/Los_Angeles", "America/Los_Angles", 4, "a time zone of the IANA list"),
        ('deadline: "23:30"', "deadline: 23:30", 5, 'a time of day in quotes, such as "23:30"'),
        ('deadline: "23:30"', 'deadline: "24:30"', 5, 'a time of day such as "23:30"'),
        ('deadline: "23:30"', "deadline: 23.30", 5, 'a time of day in quotes, such as "23:30"'),
        ('{"101": ', "{0101: ", 14, "`districts.demo.sites`: expected a code in quotes"),
        *(
            (
                "sites: {",
                f"sites:\n      '1': A\n      {code}: C\n    staff_access: {{",
                16,
                "`districts.demo.sites`: expected a code in quotes: without, YAML takes it for",
            )
            for code in ("0103", "NO", "~", "2026-08-01", "2026-08-01 10:00:00", "1.5", ".inf")
        ),
        (
            '{"101": ',
            '{"101": A,\n "": ',
            15,
            "`districts.demo.sites`: expected a code that is not",
        ),
        ('{"101": ', '{"101": A,\n " ": ', 15, "expected a code that is not blank."),
        (
            "port: 2222",
            "port: 2222\n      NO: 1",
            9,
            "`districts.demo.sftp`: a key that is no text; allowed here: host, port,",
        ),
        ("districts:", "0103: C\ndistricts:", 1, "`the file`: a key that is no text; allowed"),
        ('"Lincoln High School"', '" "', 14, "expected text that is not blank"),
        ("username: demo", 'username: " "', 9, "expected text that is not blank"),
        ("alert_codes: [A, U]", "alert_codes: A", 17, "expected a list, such as [A, U]"),
        ("alert_codes: [A, U]", "alert_codes: [A, 7]", 17, "expected text; digits stand in quotes"),
        ("port: 2222", "port: 99999", 8, "expected a whole number from 1 to 65535."),
        ("once_per_day", "twice", 19, "'once_per_day' or 'each_new_period'"),
        ("[sms, email]", "[sms, pigeon]", 20, "'sms', 'voice' or 'email'"),
        ("[sms, email]", "[sms, email, sms]", 20, "each of them once"),
        ("[sms, email]", "[sms]\n      default_language: Spanish (es)", 21, "such as en or es"),
        ("alert_codes: [A, U]", 'alert_codes: [A, " "]', 17, "expected text that is not blank"),
        ("alert_codes: [A, U]", "alert_codes: []", 15, "without one, nobody is ever told"),
        ("alert_codes: [A, U]", "other_codes: [T, U]", 15, "in alert_codes or in other_codes"),
        ('send_at: ["10:00", "17:30"]', 'send_at: ["00:29"]', 18, '"00:30" or later'),
        ("removed: 0.10", "removed: 3", 22, "expected a number from 0 to 1."),
        ("removed: 0.10", "removed: -1", 22, "expected a number from 0 to 1."),
        ("removed: 0.10", "removed: 10%", 22, "expected a number from 0 to 1."),
        ("enabled: true", "enabled: yes please", 16, "expected true or false."),
        ("enabled: true", "enabled: 2", 16, "expected true or false."),
        (
            "[sms, email]",
            "[]",
            20,
            "`districts.demo.attendance.default_channels`: expected at least one.",
        ),
        ('deadline: "23:30"', "deadline:", 5, 'expected a time of day in quotes, such as "23:30".'),
        (
            '{"101": "Lincoln High School"}',
            "[101]",
            14,
            "expected keys below it, each with its value.",
        ),
        ("port: 2222", "port: 22.5", 8, "expected a whole number from 1 to 65535."),
        ("removed: 0.10", "removed: yes", 22, "a number for removed, and not yes or no"),
        ("port: 2222", "port: yes", 8, "a number, and not yes or no"),
        ("host: 127.0.0.1", "host: sftp..example.org", 7, "with something between its dots"),
        ("host: 127.0.0.1", f"host: {'a' * 64}.example.org", 7, "something between its dots"),
        ("username: demo", "username: de\x07mo", 9, "not valid YAML"),
        (
            "timezone: America/Los_Angeles",
            "rollover: {last_day: 2026-06-31}",
            4,
            "a day that there is",
        ),
        ("port: 2222", "port: 0x_", 8, "expected a whole number from"),
        ("port: 2222", "port: !!bool nonsense", 8, "expected a whole number from"),
        (
            "thresholds: {removed: 0.10, changed: 0.75}",
            "low_lunch_balance: .inf",
            22,
            "expected a number from -10000000 to 10000000.",
        ),
        (
            "thresholds: {removed: 0.10, changed: 0.75}",
            "keep: {hold_days: 999999}",
            22,
            "1 to 36500.",
        ),
        (
            "thresholds: {removed: 0.10, changed: 0.75}",
            "limits: {threads: 100000}",
            22,
            "1 to 512.",
        ),
        ("core: 60", "core: 901", 23, "expected a whole number from 0 to 900."),
        ("attendance: 15", "attendance: 901", 23, "expected a whole number from 0 to 900."),
        (
            "thresholds: {removed: 0.10, changed: 0.75}",
            "limits: {memory_mb: 16777217}",
            22,
            "expected a whole number from 100 to 16777216.",
        ),
        *(
            (
                "thresholds: {removed: 0.10, changed: 0.75}",
                f"mixed_nights_hours: {hours}",
                22,
                "expected a number above 0, and at most 8760.",
            )
            for hours in ("0", "8761", "1.0e+300")
        ),
        (
            "thresholds: {removed: 0.10, changed: 0.75}",
            "lunch_list: {every_days: 31}",
            22,
            "expected a whole number from 1 to 30.",
        ),
        (
            "removed: 0.10",
            "removes: 0.10",
            22,
            "unknown key `districts.demo.thresholds.removes`; allowed here: removed, changed,",
        ),
        (
            "thresholds: {removed: 0.10, changed: 0.75}",
            "thresholds: 5",
            22,
            "`districts.demo.thresholds`: expected keys of its own below it: removed, changed,",
        ),
        (
            "quiet_seconds: {core: 60, attendance: 15}",
            "quiet_seconds: [60, 15]",
            23,
            "`districts.demo.quiet_seconds`: expected keys of its own below it: core, attendance.",
        ),
        ("folder: /exports\n", "folder: exports\n", 12, "a folder on the server, starting with /"),
        (
            "quiet_seconds: {core: 60, attendance: 15}",
            "keep: {snapshots: 1}",
            23,
            "number of at least 2.",
        ),
        (
            "quiet_seconds: {core: 60, attendance: 15}",
            "keep: {landing_days: 0}",
            23,
            "from 1 to 36500.",
        ),
        (
            "quiet_seconds: {core: 60, attendance: 15}",
            "keep: {ledger_days: 29}",
            23,
            "from 30 to 36500.",
        ),
        (
            "quiet_seconds: {core: 60, attendance: 15}",
            "rollover: {first_day: 2026-08-10, last_day: 2026-08-09}",
            23,
            "last_day on or after first_day",
        ),
        (
            "quiet_seconds: {core: 60, attendance: 15}",
            "add_only: {first_day: 20217600, last_day: 2026-08-09}",
            23,
            "`districts.demo.add_only.first_day`: expected a day such as 2026-08-01",
        ),
        (
            "max_absent_share: 0.4",
            'no_school: ["2027-01-01 to 2026-12-21"]',
            21,
            "a day such as 2026-11-26",
        ),
        (
            "max_absent_share: 0.4",
            'no_school: ["2026-11-26 to 2026-11-27 to 2026-11-28"]',
            21,
            "a day such as 2026-11-26",
        ),
        ("max_absent_share: 0.4", 'no_school: ["2026-W48"]', 21, "a day such as 2026-11-26"),
        ("max_absent_share: 0.4", "max_absent_share: 40", 21, "expected a number from 0 to 1."),
        ('"ssh-ed25519 AAAA"', "ssh-ed25519", 11, "the server's public key"),
        ('"ssh-ed25519 AAAA"', "anything", 11, "the server's public key"),
        ("DEMO_SFTP_PASSWORD", "hunter2!", 10, "the name of an environment variable"),
        ("  demo:", "  Demo District:", 2, "`districts.Demo District`: expected a district's name"),
        ("  demo:", "  a.b:", 2, "`districts.a.b`: expected a district's name of small letters"),
        ("  demo:", f"  {'d' * 64}:", 2, "63 characters at most"),
        ("  demo:", "  1:", 2, "`districts`: expected a name in quotes"),
        ("districts:", "district:", 1, "unknown key `district`; allowed here:"),
    ],
)
def test_a_mistake_has_its_line_and_its_cure(
    tmp_path: Path, good: str, bad: str, line: int, says: str
) -> None:
    assert good in GOOD
    messages = refused(tmp_path, GOOD.replace(good, bad, 1))
    assert any(
        one.startswith(f"districts.yaml line {line}: ") and says in one for one in messages
    ), messages


def test_a_list_with_a_wrong_word_is_not_too_short_as_well(tmp_path: Path) -> None:
    (only,) = refused(tmp_path, GOOD.replace("[sms, email]", "[fax]"))
    assert only.endswith("default_channels.0`: expected 'sms', 'voice' or 'email'.")


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    text = GOOD.replace("port: 2222", "prot: 2222").replace("once_per_day", "twice")
    assert [one.split(":")[0] for one in refused(tmp_path, text)] == [
        "districts.yaml line 8",
        "districts.yaml line 19",
    ]


def test_a_secret_in_the_wrong_place_is_not_repeated(tmp_path: Path) -> None:
    text = GOOD.replace("DEMO_SFTP_PASSWORD", "my secret password")
    assert "my secret" not in "\n".join(refused(tmp_path, text))


@pytest.mark.parametrize("secret", ["*hunter2", "!hunter2", "!hunter2 x", "!hunt!er2", "!!hunter2"])
def test_a_secret_that_yaml_takes_for_a_name_is_not_repeated(tmp_path: Path, secret: str) -> None:
    (said,) = refused(tmp_path, GOOD.replace("DEMO_SFTP_PASSWORD", secret))
    assert said.startswith("districts.yaml line 10: ")
    assert "hunt" not in said


@pytest.mark.parametrize(
    ("value", "said"),
    [("@b", "character '@' that cannot"), ("[b", "expected ',' or ']', but got ':'")],
)
def test_what_yaml_says_of_its_own_characters_is_kept(
    tmp_path: Path, value: str, said: str
) -> None:
    assert said in refused(tmp_path, GOOD.replace("DEMO_SFTP_PASSWORD", value))[0]


def test_a_password_and_a_key_are_one_too_many(tmp_path: Path) -> None:
    text = GOOD.replace("      folder:", "      private_key: /keys/id\n      folder:")
    assert "exactly one of password_env and private_key" in refused(tmp_path, text)[0]


def test_districts_whose_schedules_would_have_one_name_are_refused(tmp_path: Path) -> None:
    two = GOOD.replace("demo:", "de-mo:") + OTHER.replace("other:", "de_mo:")
    (said,) = refused(tmp_path, two)
    assert said.startswith("districts.yaml line 1: `districts`: expected names that differ in more")
    assert "unlike de-mo and de_mo (" in said


def test_a_wrong_name_is_told_of_the_one_district_that_has_it(tmp_path: Path) -> None:
    others = OTHER.replace("other:", "Springfield:").replace("port:", "prot:")
    name, key = refused(tmp_path, GOOD + others)
    assert name.startswith("districts.yaml line 24: `districts.Springfield`: expected a district's")
    assert key.startswith("districts.yaml line 30: unknown key `districts.Springfield.sftp.prot`")


def test_a_repeated_district_hides_no_other(tmp_path: Path) -> None:
    again = GOOD + GOOD.partition("districts:\n")[2]
    assert refused(tmp_path, again) == ["districts.yaml line 24: `demo` stands here twice."]


MERGED = """\
    keep: &keep
      hold_days: 3
      report_days: 30
"""


def test_what_a_merge_brings_may_be_said_anew(tmp_path: Path) -> None:
    other = OTHER + "    keep: {<<: *keep, hold_days: 5}\n"
    (tmp_path / "districts.yaml").write_text(GOOD + MERGED + other)
    settings = load_settings(tmp_path / "districts.yaml")
    demo, other_keep = (settings.district(name).keep for name in ("demo", "other"))
    assert (demo.hold_days, demo.report_days) == (3, 30)
    assert (other_keep.hold_days, other_keep.report_days) == (5, 30)


def test_a_mistake_beside_a_merge_is_told_where_it_stands(tmp_path: Path) -> None:
    other = OTHER + "    keep:\n      <<: *keep\n      hold_days: 0\n"
    (said,) = refused(tmp_path, GOOD + MERGED + other)
    assert said.startswith("districts.yaml line 51: `districts.other.keep.hold_days`: expected")
    assert list(load_sound_districts(tmp_path / "districts.yaml").wrong) == ["other"]


def test_a_key_that_stands_twice_beside_a_merge_is_told(tmp_path: Path) -> None:
    other = OTHER + "    keep: {<<: *keep, hold_days: 3, hold_days: 5}\n"
    said = refused(tmp_path, GOOD + MERGED + other)
    assert said == ["districts.yaml line 49: `hold_days` stands here twice."]


@pytest.mark.parametrize("keep", ["*keep", "{<<: *keep}"])
def test_a_key_that_stands_twice_is_wrong_in_every_district_that_has_it(
    tmp_path: Path, keep: str
) -> None:
    twice = GOOD + "    keep: &keep {hold_days: 3, hold_days: 5}\n"
    third = OTHER.replace("other:", "third:")
    said = refused(tmp_path, f"{twice}{OTHER}    keep: {keep}\n{third}")
    assert said == ["districts.yaml line 24: `hold_days` stands here twice."]
    sound = load_sound_districts(tmp_path / "districts.yaml")
    assert sorted(sound.wrong) == ["demo", "other"]


def test_a_school_code_that_differs_in_blanks_alone_hides_no_other(tmp_path: Path) -> None:
    """Cells are trimmed, and so are codes in the settings."""
    text = GOOD.replace('{"101": ', '{"101 ": Lincoln, "101": ')
    assert "`101` stands here twice." in refused(tmp_path, text)[0]


@pytest.mark.parametrize("blank", ["\u200b", "\ufeff", "\u00ad", "\u00a0", "\u202e", " \u200b\n"])
def test_what_trims_a_cell_trims_a_code_and_a_name(tmp_path: Path, blank: str) -> None:
    pasted = blank.replace("\n", "\\n")
    text = GOOD.replace("[A, U]", f'["A{pasted}", U]').replace('"101": ', f'"{pasted}101": ')
    text = text.replace("Lincoln High School", f"{pasted}Lincoln High School{pasted}")
    text += f'    staff_access: {{site_titles: ["Principal{pasted}"]}}\n'
    (tmp_path / "districts.yaml").write_text(text)
    district = load_settings(tmp_path / "districts.yaml").district("demo")
    assert district.attendance.alert_codes == ("A", "U")
    assert district.sites == {"101": "Lincoln High School"}
    assert district.staff_access.site_titles == ("Principal",)
    (said,) = refused(tmp_path, GOOD.replace("[A, U]", f'["A", "{pasted}"]'))
    assert said.startswith("districts.yaml line 17: `districts.demo.attendance.alert_codes.1`: ")
    assert said.endswith("expected text that is not blank.")
    twice = refused(tmp_path, GOOD.replace('"101": ', f'"101{pasted}": Lincoln, "101": '))
    assert "`101` stands here twice." in twice[0]


@pytest.mark.parametrize("text", ["", "{", "- a\n- b\n", "districts: {}\n", "\t"])
def test_what_is_no_settings_file_is_refused(tmp_path: Path, text: str) -> None:
    assert all(one.startswith("districts.yaml line 1") for one in refused(tmp_path, text))


@pytest.mark.parametrize(
    ("line", "lines", "says"),
    [
        (24, "more: &x {below: {deeper: *x}}", "unknown key `more`"),
        (24, "more: &x {<<: *x}", "unknown key `more`"),
        (24, "? &x [*x]\n: a key", "found unhashable key"),
        (25, "alarms:\n  mail: &x {to: [*x]}", "`alarms.mail.to.0`: expected text"),
    ],
)
def test_an_anchor_within_itself_is_refused(
    tmp_path: Path, line: int, lines: str, says: str
) -> None:
    said = refused(tmp_path, f"{GOOD}{lines}\n")
    assert any(one.startswith(f"districts.yaml line {line}: {says}") for one in said), said


def test_an_anchor_used_twice_is_none_within_itself(tmp_path: Path) -> None:
    text = GOOD.replace("sites: {", "sites: &sites {").replace("thresholds: {", "thresholds: &t {")
    again = text.partition("districts:\n")[2].replace("  demo:", "  other:")
    again = re.sub(r"&sites \{.*\}", "*sites", again)
    again = re.sub(r"&t \{.*\}", "*t", again)
    (tmp_path / "districts.yaml").write_text(text + again)
    settings = load_settings(tmp_path / "districts.yaml")
    assert settings.district("other").sites == settings.district("demo").sites


def test_what_is_too_deep_or_too_often_said_ends_with_a_sentence(tmp_path: Path) -> None:
    (said,) = refused(tmp_path, "districts: " + "[" * 20_000 + "]" * 20_000)
    assert said == "districts.yaml: lists or keys in one another, far too deep."
    doubled = "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 60))
    said = refused(tmp_path, f"{GOOD}a0: &a0 [x]\n{doubled}")[0]
    assert "unknown key `a0`" in said


@pytest.mark.parametrize("key", ["[a, b]", "{a: b}", "*a59"])
def test_a_key_that_is_a_list_is_refused_at_once(tmp_path: Path, key: str) -> None:
    doubled = "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 60))
    (said,) = refused(tmp_path, f"{GOOD}a0: &a0 [x]\n{doubled}? {key}\n: b\n")
    assert said.endswith(": found unhashable key.")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (GOOD.replace("Lincoln High", "Peña High").encode("cp1252"), 14),
        (GOOD.replace("\n", "\r\n").replace("Lincoln High", "Peña High").encode("cp1252"), 14),
        (GOOD.encode("utf-16"), 1),
    ],
)
def test_a_file_that_is_not_utf_8_has_its_line(tmp_path: Path, text: bytes, line: int) -> None:
    path = tmp_path / "districts.yaml"
    path.write_bytes(text)
    for read in (load_settings, load_sound_districts):
        with pytest.raises(SettingsError) as caught:
            read(path)
        said = "a character that is not UTF-8; save the file as UTF-8."
        assert str(caught.value) == f"districts.yaml line {line}: {said}"


def test_a_missing_file_and_an_unknown_district_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="There is no settings file"):
        load_settings(tmp_path / "districts.yaml")
    (tmp_path / "districts.yaml").write_text(GOOD)
    with pytest.raises(SettingsError, match="Known: demo"):
        load_settings(tmp_path / "districts.yaml").district("dome")


OTHER = GOOD.partition("districts:\n")[2].replace("demo", "other", 1)
WEBHOOK = "    alarms: {webhook: {url: 'https://hooks.example.org/x', secret_env: HOOK_SECRET}}\n"


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("port: 2222", "prot: 2222"),
        ("port: 2222", "port: 2222\n      port: 2223"),
        ("      host: 127.0.0.1\n", ""),
        ("policy: once_per_day", "policy: twice"),
    ],
)
def test_one_districts_mistake_is_not_anothers(tmp_path: Path, good: str, bad: str) -> None:
    text = GOOD.replace(good, bad, 1) + WEBHOOK + OTHER
    mistakes = "\n".join(refused(tmp_path, text))
    sound = load_sound_districts(tmp_path / "districts.yaml")
    assert list(sound.settings.districts) == ["other"]
    assert sound.wrong == {"demo": mistakes}
    assert sound.district("other") == sound.settings.district("other")
    with pytest.raises(SettingsError) as caught:
        sound.district("demo")
    assert str(caught.value) == mistakes
    webhook = sound.told.district("demo").alarms.webhook
    assert webhook is not None
    assert webhook.secret_env == "HOOK_SECRET"


@pytest.mark.parametrize(
    "section",
    [
        "  demo: 5\n",
        "  demo:\n",
        "  demo: {alarms: {webhok: 1}, timezone: Mars, name: x}\n",
        "  demo: [1]\n",
    ],
)
def test_what_is_wrong_in_a_section_is_not_used_for_telling(tmp_path: Path, section: str) -> None:
    (tmp_path / "districts.yaml").write_text(f"districts:\n{section}{OTHER}")
    sound = load_sound_districts(tmp_path / "districts.yaml")
    assert list(sound.wrong) == ["demo"]
    told = sound.told.district("demo")
    assert (told.zone.key, told.alarms.webhook, told.alarms.mail) == ("America/Los_Angeles",) + (
        None,
    ) * 2


@pytest.mark.parametrize(
    "text",
    [
        GOOD.replace("port:", "prot:"),
        GOOD + OTHER.replace("port:", "prot:") + "alarm: {}\n",
        GOOD + OTHER.replace("other", "Other District").replace("port:", "prot:"),
        GOOD + OTHER.replace("other", "1"),
        GOOD + OTHER.replace("other", "demo"),
        GOOD + "  other: {\n",
        "districts: [{a: 1, a: 2}]\n",
        "",
    ],
)
def test_what_is_wrong_with_the_whole_file_is_refused_as_ever(tmp_path: Path, text: str) -> None:
    mistakes = "\n".join(refused(tmp_path, text))
    with pytest.raises(SettingsError) as caught:
        load_sound_districts(tmp_path / "districts.yaml")
    assert str(caught.value) == mistakes


def test_settings_that_are_right_are_the_same_either_way(tmp_path: Path) -> None:
    (tmp_path / "districts.yaml").write_text(GOOD + OTHER)
    sound = load_sound_districts(tmp_path / "districts.yaml")
    assert sound.settings == sound.told == load_settings(tmp_path / "districts.yaml")
    assert sound.wrong == {}


def test_the_largest_numbers_that_are_allowed_can_be_used(tmp_path: Path) -> None:
    most = Limits(memory_mb=16 * 1024**2, threads=512)
    with open_scratch(limits=most) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    text = f"{GOOD}    mixed_nights_hours: 8760\n"
    (tmp_path / "districts.yaml").write_text(text.replace("core: 60", "core: 900"))
    district = load_settings(tmp_path / "districts.yaml").district("demo")
    assert timedelta(hours=district.mixed_nights_hours) == timedelta(days=365)


def test_a_window_has_its_first_and_its_last_day() -> None:
    window = AddOnly(first_day=date(2026, 12, 31), last_day=date(2027, 1, 1))
    days = [date(2026, 12, 30), date(2026, 12, 31), date(2027, 1, 1), date(2027, 1, 2)]
    assert [window.covers(day) for day in days] == [False, True, True, False]
    one_day = AddOnly(first_day=date(2028, 2, 29), last_day=date(2028, 2, 29))
    assert one_day.covers(date(2028, 2, 29))


def test_days_without_school_may_be_one_and_end_in_another_year() -> None:
    text = ["2026-11-26 to 2026-11-26", "2028-02-29", "2026-12-21 to 2027-01-01"]
    one, leap, turn = Attendance.model_validate({"no_school": text}).no_school
    assert one == (date(2026, 11, 26), date(2026, 11, 26))
    assert leap == (date(2028, 2, 29), date(2028, 2, 29))
    assert turn == (date(2026, 12, 21), date(2027, 1, 1))


@pytest.mark.parametrize(
    "text",
    [
        *("2027-01-01 to 2026-12-21", "2026-11-26 to 2026-11-25", "2026-02-29", "2026-11-26 to"),
        *("11/26/26", "2026-11-26 to 2026-11-27 to 2026-11-28", "2026-11-26T00:00", ""),
    ],
)
def test_days_without_school_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="a day such as"):
        Attendance.model_validate({"no_school": [text]})
