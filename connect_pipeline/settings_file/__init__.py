"""`districts.yaml`, read and refused.

For: `load_settings` and, for what runs unseen, `load_sound_districts`. Every mistake is reported at
once, each with its line (`yaml_nodes.py`) and what is allowed there (`mistakes.py`).
Belongs here: the file's text, its lines, and a mistake in words. Does not belong here: what the
settings are (`settings.py`).
"""

from connect_pipeline.settings_file.load import (
    SoundSettings,
    load_settings,
    load_sound_districts,
)

__all__ = ["SoundSettings", "load_settings", "load_sound_districts"]
