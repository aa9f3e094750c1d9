"""What a class is called and what it consists of, as far as the API tells."""

from __future__ import annotations

from dataclasses import replace

from ..errors import ApiUnavailableError, ApiUnreachableError, ClassNotFoundError
from .api import ClassInfo, Description, Source
from .outcome import Observer


def describe(source: Source, info: ClassInfo, observer: Observer) -> Description:
    """Ask for names and curriculum; what is refused or left out stays as `info` has it.

    Raises AuthenticationError, or ApiUnreachableError where nothing else would work either.
    """
    try:
        found, entries = source.describe(info.class_id)
    except ApiUnreachableError:
        raise
    except (ClassNotFoundError, ApiUnavailableError) as error:
        observer.note(f"{info.friendly_id or info.class_id}: {error.message}; going on")
        return Description(info, [])
    named = replace(
        found,
        friendly_id=found.friendly_id or info.friendly_id,
        name=found.name or info.name,
        school=found.school or info.school,
        is_published=info.is_published if found.is_published is None else found.is_published,
    )
    return Description(named, entries)
