package ingest

import (
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/quellsec/quell/internal/exposure"
)

// batch is a part of a report: what is persisted together.
type batch struct {
	number int64  // from 1
	run    string // the run's ID, as far as the report has told it
	kind   exposure.RunKind
	at     time.Time // the run's time, likewise, else that of arrival
	obs    []exposure.Observation
	covers []exposure.Coverage
	stated []exposure.Statement
}

// collector is the decoder's sink: it cuts texts to size, fills in what only ingest
// knows, and hands over a batch when it is full.
type collector struct {
	stop     <-chan struct{} // closed when nobody takes batches any more
	out      chan<- batch
	size     int // of a full batch
	cur      batch
	run      exposure.Run
	source   Source
	received time.Time
	skipped  map[string]int64
	findings int64
}

// maxSkew is how far ahead of our clock a source's may be before its time is taken for a
// mistake and replaced by the time of arrival.
const maxSkew = 24 * time.Hour

// errStopped ends a decoder whose consumer failed; the consumer's error is the one told.
var errStopped = errors.New("ingest stopped")

// Run implements Sink: the last call wins.
func (c *collector) Run(run exposure.Run) error {
	run.Started, run.Finished = c.sane(run.Started), c.sane(run.Finished)
	c.run = run
	return nil
}

// Cover implements Sink.
func (c *collector) Cover(cov exposure.Coverage) error {
	cov.CheckedAt = c.sane(cov.CheckedAt)
	c.cur.covers = append(c.cur.covers, cov)
	return c.handOverIfFull()
}

// Observe implements Sink.
func (c *collector) Observe(obs exposure.Observation) error {
	f := obs.Finding
	f.Source, f.Connector = c.source.Name, c.source.Connector
	f.Title = cut(f.Title, exposure.MaxTitle)
	f.Description = cut(f.Description, exposure.MaxDescription)
	f.Remediation = cut(f.Remediation, exposure.MaxDescription)
	f.Evidence = cut(f.Evidence, exposure.MaxEvidence)
	if len(f.Vendor) > exposure.MaxVendor {
		f.Vendor = nil // half a JSON object is none; the raw delivery still has it
		c.skipped["vendor_fields_too_large"]++
	}
	f.FirstSeen = c.sane(f.FirstSeen)
	f.LastSeen = c.sane(f.LastSeen)
	if f.LastSeen.IsZero() {
		f.LastSeen = firstTime(c.run.Finished, c.run.Started, c.received)
	}
	c.findings++
	c.cur.obs = append(c.cur.obs, obs)
	return c.handOverIfFull()
}

// Statement implements Sink.
func (c *collector) Statement(st exposure.Statement) error {
	c.cur.stated = append(c.cur.stated, st)
	return c.handOverIfFull()
}

// Skip implements Sink.
func (c *collector) Skip(reason string, _ int64, _ int) { c.skipped[reason]++ }

func (c *collector) handOverIfFull() error {
	if len(c.cur.obs)+len(c.cur.covers)+len(c.cur.stated) < c.size {
		return nil
	}
	return c.handOver()
}

func (c *collector) handOver() error {
	if len(c.cur.obs)+len(c.cur.covers)+len(c.cur.stated) == 0 {
		return nil
	}
	c.cur.number++
	c.cur.run, c.cur.kind, c.cur.at = c.run.ID, c.run.Kind, firstTime(c.run.Finished, c.run.Started, c.received)
	select {
	case c.out <- c.cur:
	case <-c.stop:
		return errStopped
	}
	c.cur = batch{number: c.cur.number, obs: make([]exposure.Observation, 0, c.size)}
	return nil
}

// sane gives a time in whole milliseconds, and no time for one that can't be.
func (c *collector) sane(t time.Time) time.Time {
	switch {
	case t.IsZero() || t.Unix() <= 0:
		return time.Time{}
	case t.After(c.received.Add(maxSkew)):
		c.skipped["time_in_the_future"]++
		return c.received
	}
	return t.UTC().Truncate(time.Millisecond)
}

func firstTime(times ...time.Time) time.Time {
	for _, t := range times {
		if !t.IsZero() {
			return t
		}
	}
	return time.Time{}
}

// cut shortens a text to at most limit bytes at a rune, and mends invalid UTF-8 and NUL,
// which not every store engine takes.
func cut(text string, limit int) string {
	if len(text) > limit {
		const ellipsis = "…"
		end := limit - len(ellipsis)
		for end > 0 && !utf8.RuneStart(text[end]) {
			end--
		}
		text = text[:end] + ellipsis
	}
	if !utf8.ValidString(text) {
		text = strings.ToValidUTF8(text, "\uFFFD")
	}
	if strings.IndexByte(text, 0) >= 0 {
		text = strings.ReplaceAll(text, "\x00", "\uFFFD")
	}
	return text
}
