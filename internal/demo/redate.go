package demo

import (
	"bytes"
	"regexp"
	"strconv"
	"time"
)

// recorded is when the scanners had finished the reports that the story begins with.
var recorded = time.Date(2026, 11, 23, 20, 37, 25, 0, time.UTC) //nolint:gochecknoglobals // a constant

// ended is how long before the story the scanners end.
const ended = time.Minute

var (
	stamps = regexp.MustCompile(`"2026-11-23T20:3\d:\d\d\.\d+Z"`)                // of nuclei and trivy
	epochs = regexp.MustCompile(`(start|time|starttime|endtime)="(17954\d{5})"`) // of nmap
)

// redate moves a report to a minute before the story begins, as if the scanners had just
// ended: else all that they found would be overdue when the recording is old. What else
// it says stays as they wrote it.
func redate(report []byte, began time.Time) []byte {
	by := began.Add(-ended).Sub(recorded)
	report = stamps.ReplaceAllFunc(report, func(old []byte) []byte {
		at, err := time.Parse(time.RFC3339Nano, string(bytes.Trim(old, `"`)))
		if err != nil {
			return old
		}
		return []byte(strconv.Quote(at.Add(by).UTC().Format(time.RFC3339Nano)))
	})
	return epochs.ReplaceAllFunc(report, func(old []byte) []byte {
		m := epochs.FindSubmatch(old)
		seconds, err := strconv.ParseInt(string(m[2]), 10, 64)
		if err != nil {
			return old
		}
		return []byte(string(m[1]) + `="` + strconv.FormatInt(time.Unix(seconds, 0).Add(by).Unix(), 10) + `"`)
	})
}
