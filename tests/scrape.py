"""Reads what Prometheus reads."""

from collections.abc import Iterator

from aiohttp import ClientSession
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample


class Scraped:
    """One scrape. Raises ValueError when made of what is not Prometheus' format."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.families = {family.name: family for family in text_string_to_metric_families(text)}

    def samples(self, name: str, **labels: str) -> Iterator[Sample]:
        """Those of that name that have at least these labels."""
        for family in self.families.values():
            for sample in family.samples:
                if sample.name == name and labels.items() <= sample.labels.items():
                    yield sample

    def value(self, name: str, **labels: str) -> float:
        """The sum of the samples; 0 where there are none."""
        return sum(sample.value for sample in self.samples(name, **labels))


async def scrape(url: str) -> Scraped:
    """What is told at `url`."""
    async with ClientSession() as session, session.get(url) as answer:
        assert answer.status == 200
        assert answer.content_type == "text/plain"
        return Scraped(await answer.text())
