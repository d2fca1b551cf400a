"""Who is told of a district: its channels, and everybody's.

Belongs here: which there are by the settings, and what each is called in the ledger. Does not
belong here: what travels by one (`sending.py`).
"""

from __future__ import annotations

from hashlib import sha256

from connect_pipeline.settings import Alarms, Mail, Settings, Webhook


def channels(settings: Settings, name: str) -> dict[str, Webhook | Mail]:
    """Who is told of a district, by the channel's name: everybody's channels, then its own.

    Each of several addresses of a mail is a channel: one that is refused is tried again, and the
    others are not. Its name is of the address, wherever that stands in the settings.
    """
    found: dict[str, Webhook | Mail] = {}
    for scope, section in _sections(settings, name):
        if section.webhook is not None:
            found[f"{scope} webhook"] = section.webhook
        if (mail := section.mail) is not None:
            found |= _by_address(scope, mail) if len(mail.to) > 1 else {f"{scope} mail": mail}
    return found


def channel_named(settings: Settings, name: str, channel: str) -> Webhook | Mail | None:
    """A district's channel; of mail without an address all of them. None when there is none now.

    What was noted without one is of when there was one alone, and it may have been mistaken. What
    was noted for one of several finds it also when it is alone now.
    """
    found = channels(settings, name)
    for scope, section in _sections(settings, name):
        if section.mail is not None:
            found |= {f"{scope} mail": section.mail, **_by_address(scope, section.mail)}
    return found.get(channel)


def _by_address(scope: str, mail: Mail) -> dict[str, Mail]:
    return {
        f"{scope} mail {sha256(address.encode()).hexdigest()[:8]}": mail.model_copy(
            update={"to": (address,)}
        )
        for address in mail.to
    }


def _sections(settings: Settings, name: str) -> list[tuple[str, Alarms]]:
    district = settings.districts.get(name)
    return [("all", settings.alarms), ("own", district.alarms if district else Alarms())]
