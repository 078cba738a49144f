package runbook

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode"
)

// Status is a runbook's word on a run.
type Status string

// The words.
const (
	StatusStarted Status = "started"
	StatusDone    Status = "done" // a claim, which is tested
	StatusFailed  Status = "failed"
)

// Answer is what a runbook says of a run.
type Answer struct {
	Run    string `json:"run"`
	Status Status `json:"status"`
	Detail string `json:"detail,omitempty"`
}

// ParseAnswer reads the body of a call. It is strict: a message of ours that somebody sends
// back, signed by ourselves, is no answer.
func ParseAnswer(body []byte) (Answer, error) {
	var a Answer
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&a); err != nil {
		return a, errors.New(`wants {"run": "…", "status": "started", "done" or "failed", "detail": "…"} and nothing else`)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return a, errors.New("something follows the answer")
	}
	switch {
	case a.Run == "":
		return a, errors.New("run is missing: the run's ID, which the call to the runbook had as data.run")
	case !slices.Contains([]Status{StatusStarted, StatusDone, StatusFailed}, a.Status):
		return a, errors.New("status is started, done or failed")
	}
	return a, nil
}

// AnswerOf reads what a runbook said right away, in the body of its answer to our call;
// false: it said nothing that we know, and is heard of later.
func AnswerOf(id string, body []byte) (Answer, bool) {
	var a Answer
	if json.Unmarshal(body, &a) != nil || a.Run != "" && a.Run != id {
		return a, false
	}
	a.Run = id
	return a, slices.Contains([]Status{StatusStarted, StatusDone, StatusFailed}, a.Status)
}

// Take notes that the runbook has taken the call.
func (r *Run) Take(now time.Time) {
	if r.AnsweredAt.IsZero() {
		r.AnsweredAt = now
	}
	r.Problem = ""
	if r.State == Approved {
		r.note(Sent, r.Runbook, "the runbook has taken it", now)
	}
}

// maxHeard is how many of a runbook's calls are remembered, to know those that are told
// again. A signature is good for minutes, and what a run is told twice changes it once.
const maxHeard = 64

// Hear takes a runbook's word, by the ID of its call, and says whether it changed anything.
// That it is done counts even when it comes late: it is a claim, which is tested whatever
// became of the run. The error is an *exception.RefusedError.
func (r *Run) Hear(a Answer, call string, now time.Time) (changed bool, err error) {
	if call != "" && slices.Contains(r.Heard, call) {
		return false, nil
	}
	if r.Attempts == 0 {
		return false, refuse(false, "run %s was never sent: it is %s", r.ID, r.State.words())
	}
	if call != "" {
		r.Heard = append(slices.Clone(r.Heard), call)
		r.Heard = r.Heard[max(0, len(r.Heard)-maxHeard):]
		changed = true
	}
	if r.AnsweredAt.IsZero() {
		r.AnsweredAt, changed = now, true
	}
	detail := plain(a.Detail)
	switch {
	case r.State == Claimed || r.State == Proven || r.State == Refuted:
		return changed, nil // it was done before; what comes after says nothing new
	case a.Status == StatusDone && (r.State.Running() || r.State == Failed || r.State == TimedOut):
		text := orText(detail, "the runbook says that it is done")
		if r.State.Over() {
			text = "late, after the run had " + strings.ReplaceAll(string(r.State), "_", " ") + ": " + text
		}
		r.Detail, r.ClaimedAt, r.Written, r.EndsAt = detail, now, false, time.Time{}
		r.note(Claimed, r.Runbook, text, now)
		return true, nil
	case a.Status == StatusFailed && r.State.Running():
		r.Detail = detail
		r.note(Failed, r.Runbook, orText(detail, "the runbook says that it failed"), now)
		return true, nil
	case a.Status == StatusStarted && (r.State == Approved || r.State == Sent):
		r.Detail = detail
		r.note(Started, r.Runbook, orText(detail, "the runbook works on it"), now)
		return true, nil
	}
	return changed, nil
}

func orText(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// longest is how much of foreign words is kept.
const longest = 500

// plain is foreign text on one line, without what a terminal or a page could take for more
// than text, and not endless.
func plain(s string) string {
	s = strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))), " ")
	if runes := []rune(s); len(runes) > longest {
		return fmt.Sprintf("%s…", string(runes[:longest-1]))
	}
	return s
}
