"""Parameters that rows of several vendors share, each named once. Data only."""

from typing import Final

from services.domain.model import Param, ParamType, Transform

CATALOG_READ_AT: Final = 1_795_305_600
"""Unix seconds of 2026-11-22, the day when these rows were read from the published contract."""

PICTURE_SOURCES: Final = ("image", "first_frame", "input_reference")
SECONDS_SOURCES: Final = ("duration", "seconds")


def prompt(limit: int | None = None, *, required: bool = True) -> Param:
    """The words, at most `limit` characters."""
    return Param(
        name="prompt",
        type=ParamType.STRING,
        description="What to make.",
        sources=("prompt",),
        required=required,
        max_length=limit,
    )


def negative_prompt(limit: int | None = None) -> Param:
    """What the result should be free of, at most `limit` characters."""
    return Param(
        name="negative_prompt",
        type=ParamType.STRING,
        description="What to keep out of the result.",
        sources=("negative_prompt",),
        max_length=limit,
    )


def seed(least: int | None = None, most: int | None = None) -> Param:
    """The random seed."""
    return Param(
        name="seed",
        type=ParamType.INTEGER,
        description="Fixes the random seed.",
        sources=("seed",),
        minimum=least,
        maximum=most,
    )


def duration(*allowed: int, default: int) -> Param:
    """Clip length, one of `allowed` seconds."""
    return Param(
        name="duration",
        type=ParamType.INTEGER,
        description="Clip length in seconds.",
        sources=SECONDS_SOURCES,
        transform=Transform.INT,
        enum=allowed,
        default=default,
    )


def duration_between(least: int, most: int, *, default: int) -> Param:
    """Clip length, any whole number of seconds from `least` to `most`."""
    return Param(
        name="duration",
        type=ParamType.INTEGER,
        description="Clip length in whole seconds.",
        sources=SECONDS_SOURCES,
        transform=Transform.INT,
        minimum=least,
        maximum=most,
        default=default,
    )


def resolution(*allowed: str, default: str, transform: Transform, sources: tuple[str, ...] = ("resolution",)) -> Param:
    """Output height class in the vendor's letter case."""
    return Param(
        name="resolution",
        type=ParamType.STRING,
        description="Output height class.",
        sources=sources,
        transform=transform,
        enum=allowed,
        default=default,
    )


def aspect_ratio(*allowed: str, default: str | None) -> Param:
    """Frame shape, one of `allowed`."""
    return Param(
        name="aspect_ratio",
        type=ParamType.STRING,
        description="Frame shape.",
        sources=("aspect_ratio",),
        enum=allowed,
        default=default,
    )


def text(name: str, description: str, *, sources: tuple[str, ...] = (), when: str = "", required: bool = False) -> Param:
    """A string that is checked no further: an id, a link or a picture."""
    return Param(
        name=name,
        type=ParamType.STRING,
        description=description,
        sources=sources or (name,),
        when=when,
        required=required,
    )


def switch(name: str, description: str, *, default: bool, sources: tuple[str, ...] = ()) -> Param:
    """A boolean."""
    return Param(name=name, type=ParamType.BOOLEAN, description=description, sources=sources or (name,), default=default)


def several(
    name: str,
    description: str,
    *,
    sources: tuple[str, ...],
    most: int | None,
    required: bool = False,
    when: str = "",
) -> Param:
    """A list of 1 to `most` links or files; a single one is made a list of one."""
    return Param(
        name=name,
        type=ParamType.STRINGS,
        description=description,
        sources=sources,
        transform=Transform.TO_LIST,
        required=required,
        min_items=1,
        max_items=most,
        when=when,
    )
