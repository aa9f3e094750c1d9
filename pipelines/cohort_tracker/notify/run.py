"""One `notify`: what is news goes to each channel, and the ledger says what arrived."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from ..channels import Channel
from ..config import Settings
from ..errors import (
    CohortTrackerError,
    ConfigError,
    DeliveryError,
    NotifyRunningError,
    unexpected,
)
from ..reading.brief import brief
from ..reading.published import opened
from ..reading.reader import Reader
from ..reading.scope import Group, groups_of, viewer_for
from ..runtime.folders import clear, make_fresh
from ..runtime.lock import one_at_a_time
from . import delivery
from .alerts import alert, news_keys
from .audience import Audience, hears_of, why_not
from .delivery import Outcome
from .digest import digest, digest_keys
from .ledger import Ledger, ledger_path
from .message import Key, Message, split
from .names import names_of
from .operators import trouble_message, troubles
from .report import ChannelReport

KEPT_DAYS = 180
"""So long the ledger knows what is over."""

WritePage = Callable[[Path, Reader, Group], Path]
"""Writes the page of a group into a folder, as a reader may see it, and returns the file."""

TEST_LINE = "Cohort Tracker: this is a test. Messages of the channel {} come here."


class Notifier:
    """Sends what is news, to one channel after the other.

    Args:
        settings: the channels, and where everything is.
        digest: the kind of digest that is asked for now, if one is.
        dry_run: whether only to say what would be sent; nothing is noted then.
        write_page: writes the pages that go with digests.
        environ: where the URLs are.
        now: an aware time.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        digest: str | None = None,
        dry_run: bool = False,
        write_page: WritePage | None = None,
        environ: Mapping[str, str] | None = None,
        now: datetime | None = None,
    ) -> None:
        self.settings = settings
        self.ledger = Ledger(ledger_path(settings.data_dir))
        self._digest = digest
        self._is_dry = dry_run
        self._write_page = write_page
        self._page_folder = settings.data_dir / "notify-pages"
        self._environ = os.environ if environ is None else environ
        self._now = now or datetime.now(UTC)

    def run(self) -> list[ChannelReport]:
        """Send what is news. Raises ConfigError, NotifyRunningError or StoreError."""
        self._require_channels()
        if self._is_dry:
            return [self._channel(channel) for channel in self.settings.channels]
        running = NotifyRunningError(
            "Another notify is running", "It sends what there is; nothing is lost."
        )
        with one_at_a_time(self.settings.data_dir / "notify.lock", running):
            make_fresh(self._page_folder)
            try:
                return [self._channel(channel) for channel in self.settings.channels]
            finally:
                clear(self._page_folder)

    def test(self) -> list[ChannelReport]:
        """Send one line to each channel. Raises ConfigError."""
        self._require_channels()
        reports = []
        for channel in self.settings.channels:
            report = ChannelReport(channel.name)
            reports.append(report)
            try:
                service = delivery.open_service(self._url(channel))
                report.service = delivery.name_of(service)
                message = Message("Test", (), TEST_LINE.format(channel.name))
                self._deliver(channel, service, message, report, noted=False)
            except CohortTrackerError as error:
                report.error = _of_channel(channel, error)
        return reports

    def _require_channels(self) -> None:
        if not self.settings.channels:
            raise ConfigError(
                "No channel is set up: there is nobody to tell",
                "Write [[notify.channels]] into the settings file; docs/notify.md shows how.",
            )

    def _url(self, channel: Channel) -> str:
        if channel.url is not None:
            return channel.url
        url = self._environ.get(channel.url_env or "", "").strip()
        if not url:
            raise ConfigError(
                f"the environment variable {channel.url_env} is not set",
                "Put the URL of the service there; docs/notify.md shows how.",
            )
        return url

    def _channel(self, channel: Channel) -> ChannelReport:
        """Everything for one channel; what fails is in the report, and the next has its turn."""
        report = ChannelReport(channel.name)
        try:
            service = delivery.open_service(self._url(channel))
            report.service = delivery.name_of(service)
            limit = delivery.limit_of(service)
            if channel.page and not delivery.is_mail(service):
                raise ConfigError("a page goes with mail only", "Leave page out of the channel.")
            for message in self._messages(channel, report):
                for part in split(message, limit, partial(delivery.room_of, service)):
                    self._deliver(channel, service, part, report, noted=True)
        except Exception as caught:
            error = caught if isinstance(caught, CohortTrackerError) else unexpected(caught)
            report.error = report.error or _of_channel(channel, error)
        return report

    def _messages(self, channel: Channel, report: ChannelReport) -> Iterator[Message]:
        if channel.operator_rules:
            found = troubles(self.settings, self._now)
            told = self.ledger.states(channel.name)
            message = trouble_message(found, channel.operator_rules, told)
            if message is not None:
                yield message
            self._tidy(channel, None, [key for entry in found for key in entry.keys])
        if not hears_of(channel):
            return
        if not self.settings.warehouse_path.exists():
            report.skipped.append(("everything", "there are no tables yet"))
            return
        with self._audiences(channel) as audiences:
            for audience in audiences:
                why = why_not(self.settings, audience)
                if why is not None:
                    report.skipped.append((audience.title, why))
                    continue
                yield from self._of_group(channel, audience, report)

    @contextmanager
    def _audiences(self, channel: Channel) -> Iterator[Iterator[Audience]]:
        """The groups that a channel hears of, one after the other."""
        with opened(self.settings.warehouse_path) as connection:
            viewer = viewer_for(connection, classes=channel.classes, night=channel.night)
            reader = Reader(connection, viewer, self.settings.raw_path)
            of_page = Reader(
                connection,
                replace(viewer, hide_names=channel.names == "none"),
                self.settings.raw_path,
            )
            yield (
                Audience(
                    reader,
                    of_page,
                    group,
                    brief(reader, group),
                    names_of(reader, of_page, group.class_id, channel.names),
                    self._now,
                )
                for group in groups_of(connection, viewer)
            )

    def _of_group(
        self, channel: Channel, audience: Audience, report: ChannelReport
    ) -> Iterator[Message]:
        kind = self._digest or channel.digest
        is_asked_for = self._digest is not None
        keys = digest_keys(audience, kind, is_asked_for=is_asked_for) if kind else ()
        is_new = not self.ledger.is_seeded(channel.name, audience.about)
        if is_new:
            report.seeded += 1
            if not self._is_dry:
                there = news_keys(audience) + ([] if is_asked_for else list(keys))
                self.ledger.seed(channel.name, audience.about, there)
        states = self.ledger.states(channel.name)
        if kind and (is_asked_for or not is_new) and states.get(keys[0].text) != "sent":
            message = digest(audience, kind, keys)
            yield replace(message, page=self._page(audience)) if channel.page else message
        if is_new:
            return
        found = alert(audience, channel.mentor_rules, states)
        if found is not None:
            yield found
        still = [*news_keys(audience), *keys]
        self._tidy(channel, audience.group.class_id, still)

    def _page(self, audience: Audience) -> Callable[[Path], Path] | None:
        write = self._write_page
        if write is None:
            return None
        return lambda folder: write(folder, audience.page_reader, audience.group)

    def _tidy(self, channel: Channel, class_id: str | None, still: list[Key]) -> None:
        """Forget what was told of a class, or of syncs, long ago and could not be told anew."""
        if not self._is_dry:
            before = (self._now - timedelta(days=KEPT_DAYS)).astimezone(UTC)
            kept = [key.text for key in still]
            self.ledger.tidy(channel.name, class_id, kept, before.isoformat(timespec="seconds"))

    def _deliver(
        self,
        channel: Channel,
        service: Any,
        message: Message,
        report: ChannelReport,
        *,
        noted: bool,
    ) -> None:
        """Send a message, up to three times, and note before and after what became of it.

        Where one was not delivered the later ones of the channel are tried only once.
        """
        keys = message.all_keys
        states = self.ledger.states(channel.name) if noted else {}
        if message.keys and all(states.get(key.text) == "sent" for key in message.keys):
            return  # a part of a message that broke off after it
        again = {key.text for key in keys if states.get(key.text) == "pending"}
        if self._is_dry:
            report.messages.append((message.title_text(again), message.body(again)))
            return
        file = message.page(self._page_folder) if message.page is not None else None
        tries = delivery.TRIES if report.error is None else 1
        for number in range(1, tries + 1):
            title, body = message.title_text(again), message.body(again)
            if noted:
                self.ledger.begin(channel.name, keys)
            answer = delivery.try_once(service, title, body, file)
            if answer.outcome is Outcome.ARRIVED:
                if noted:
                    self.ledger.sent(channel.name, keys)
                report.sent += 1
                return
            if answer.outcome is Outcome.UNKNOWN:
                again = {key.text for key in keys}
            elif noted:
                self.ledger.refused(channel.name, [key for key in keys if key.text not in again])
            if number < tries:
                delivery.wait(delivery.pause_after(answer, number))
        report.unsent += 1
        if report.error is None:
            report.error = DeliveryError(
                f"channel {channel.name}: {report.service} did not take a message:"
                f" {answer.words} (tried {tries} times)",
                "What was not sent is sent by the next `cohort-tracker notify`."
                if noted
                else "See whether its URL is right, then run `cohort-tracker notify --test` again.",
            )


def _of_channel(channel: Channel, error: CohortTrackerError) -> CohortTrackerError:
    """The error with the channel's name in front."""
    named = CohortTrackerError(f"channel {channel.name}: {error.message}", error.hint)
    named.exit_code = error.exit_code
    return named
