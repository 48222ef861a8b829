"""MiniMax's rows: speech and music. Data only."""

from typing import Final

from services.catalog.rows.shared import CATALOG_READ_AT, switch
from services.domain.model import Model, ModelKind, Param, ParamType

_LANGUAGES: Final = (
    *("Chinese", "Chinese,Yue", "English", "Arabic", "Russian", "Spanish", "French", "Portuguese", "German", "Turkish"),
    *("Dutch", "Ukrainian", "Vietnamese", "Indonesian", "Japanese", "Italian", "Korean", "Thai", "Polish", "Romanian"),
    *("Greek", "Czech", "Finnish", "Hindi", "Bulgarian", "Danish", "Hebrew", "Malay", "Slovak", "Swedish", "Croatian"),
    *("Hungarian", "Norwegian", "Slovenian", "Catalan", "Nynorsk", "Afrikaans", "auto"),
)
_FORMAT: Final = Param(
    name="audio_setting.format",
    type=ParamType.STRING,
    description="Encoding of the sound.",
    sources=("response_format", "audio_format"),
    enum=("mp3", "pcm", "flac"),
    default="mp3",
)


def _sample_rate(default: int) -> Param:
    return Param(
        name="audio_setting.sample_rate",
        type=ParamType.INTEGER,
        description="Samples per second.",
        sources=("sample_rate",),
        enum=(8000, 16000, 22050, 24000, 32000, 44100),
        default=default,
    )


def _bitrate(default: int) -> Param:
    return Param(
        name="audio_setting.bitrate",
        type=ParamType.INTEGER,
        description="Bits per second.",
        sources=("bitrate",),
        enum=(32000, 64000, 128000, 256000),
        default=default,
    )


_SPEECH_PARAMS: Final = (
    Param(
        name="prompt",
        type=ParamType.STRING,
        description="The words to speak; <#x#> is a pause of x seconds, 0.01 to 99.99; (laughs) and the like are voiced.",
        sources=("input", "prompt"),
        required=True,
        min_length=1,
        max_length=10_000,
    ),
    Param(
        name="voice_setting.voice_id",
        type=ParamType.STRING,
        description="A system voice of MiniMax; there are some 220.",
        sources=("voice_id", "voice"),
        required=True,
        default="Wise_Woman",
        send_default=True,
    ),
    Param(
        name="voice_setting.speed",
        type=ParamType.NUMBER,
        description="Speaking rate.",
        sources=("speed",),
        minimum=0.5,
        maximum=2.0,
        default=1.0,
    ),
    Param(
        name="voice_setting.vol",
        type=ParamType.NUMBER,
        description="Loudness.",
        sources=("vol",),
        minimum=0.01,
        maximum=10.0,
        default=1.0,
    ),
    Param(
        name="voice_setting.pitch",
        type=ParamType.INTEGER,
        description="Pitch shift.",
        sources=("pitch",),
        minimum=-12,
        maximum=12,
        default=0,
    ),
    Param(
        name="voice_setting.emotion",
        type=ParamType.STRING,
        description="Mood of the voice.",
        sources=("emotion",),
        enum=("happy", "sad", "angry", "fearful", "disgusted", "surprised", "neutral"),
    ),
    Param(
        name="language_boost",
        type=ParamType.STRING,
        description="Language to favour.",
        sources=("language_boost",),
        enum=_LANGUAGES,
    ),
    switch("english_normalization", "Read English numbers better.", default=False),
    _FORMAT,
    _sample_rate(32000),
    _bitrate(128_000),
    Param(
        name="audio_setting.channel",
        type=ParamType.INTEGER,
        description="Number of channels.",
        sources=("channel",),
        enum=(1, 2),
    ),
    Param(
        name="output_format",
        type=ParamType.STRING,
        description="Answer with a link; without it, or in a nested place, the service answers hex text.",
        required=True,
        const="url",
    ),
)
_SPEECH_NOTES: Final = (
    "Voices are MiniMax's own; OpenAI's voice names do not exist here. Wise_Woman is sent when no voice is named. "
    "The service drops keys in a wrong nested place without a word. Sources differ on the longest text (10,000 or 50,000 "
    "characters); the smaller is followed. language_boost and english_normalization are sent at the root."
)

SPEECH: Final = (
    Model(
        id="speech-2.8-hd",
        kind=ModelKind.SPEECH,
        vendor="minimax",
        paths=("/vendors/minimax/v1/speech-2.8-hd/text-to-speech/generation",),
        params=_SPEECH_PARAMS,
        aliases=("minimax/speech-2.8-hd",),
        created=CATALOG_READ_AT,
        notes=_SPEECH_NOTES,
    ),
    Model(
        id="speech-2.8-turbo",
        kind=ModelKind.SPEECH,
        vendor="minimax",
        paths=("/vendors/minimax/v1/speech-2.8-turbo/text-to-speech/generation",),
        params=_SPEECH_PARAMS,
        aliases=("minimax/speech-2.8-turbo",),
        created=CATALOG_READ_AT,
        notes=_SPEECH_NOTES,
    ),
)

_STYLE: Final = Param(
    name="prompt",
    type=ParamType.STRING,
    description="Style, mood and scene of the song.",
    sources=("prompt", "input"),
    required=True,
    min_length=10,
    max_length=2000,
)


def _lyrics(*, required: bool, when: str = "") -> Param:
    return Param(
        name="lyrics_prompt",
        type=ParamType.STRING,
        description="The words, a line each; [Intro], [Verse], [Chorus], [Bridge] and [Outro] mark parts.",
        sources=("lyrics_prompt", "lyrics"),
        required=required,
        min_length=10,
        max_length=3000,
        when=when,
    )


MUSIC: Final = (
    Model(
        id="music-2.0",
        kind=ModelKind.MUSIC,
        vendor="minimax",
        paths=("/vendors/minimax/v1/music-2.0/text-to-music/generation",),
        params=(_STYLE, _lyrics(required=True), _FORMAT, _sample_rate(44100), _bitrate(256_000)),
        aliases=("minimax/music-2.0",),
        created=CATALOG_READ_AT,
        notes="Songs of up to 5 minutes.",
    ),
    Model(
        id="music-2.5",
        kind=ModelKind.MUSIC,
        vendor="minimax",
        paths=("/vendors/minimax/v1/music-2.5/text-to-music/generation",),
        params=(
            _STYLE,
            _lyrics(required=False, when="needed unless lyrics_optimizer is true"),
            switch("lyrics_optimizer", "Let the model write the words from the style.", default=False),
            _FORMAT,
            _sample_rate(44100),
            _bitrate(256_000),
        ),
        aliases=("minimax/music-2.5",),
        created=CATALOG_READ_AT,
        notes="extra.lyrics_optimizer true lets the model write the words.",
    ),
)
