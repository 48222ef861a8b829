"""The rows of the catalog, joined in its order: pictures, edits, clips, speech, music, text. Data only."""

from typing import Final

from services.catalog.rows import google, happyhorse, kling, midjourney, minimax, openai, seedance, text, vace, wan
from services.domain.model import Model

ROWS: Final[tuple[Model, ...]] = (
    *openai.IMAGES,
    *google.IMAGES,
    *midjourney.IMAGES,
    *wan.IMAGES,
    *openai.EDITS,
    *google.EDITS,
    *wan.EDITS,
    *openai.VIDEOS,
    *google.VIDEOS,
    *kling.VIDEOS,
    *seedance.VIDEOS,
    *wan.VIDEOS,
    *vace.VIDEOS,
    *happyhorse.VIDEOS,
    *wan.SPARK,
    *midjourney.VIDEOS,
    *minimax.SPEECH,
    *minimax.MUSIC,
    *text.TEXT,
)
"""Every model, 76 of them."""
