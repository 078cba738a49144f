package probe

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/logrusorgru/aurora/v4"
	"github.com/projectdiscovery/nuclei/v3/pkg/output"
)

// transcript records what the engine does, as the writer of its results: what it sent,
// what came back, what matched and what went wrong. The engine's own verdict is only
// "match" or silence; this is what tells a look that found nothing from no look at all.
type transcript struct {
	colour *aurora.Aurora
	limit  int // bytes kept of each text

	mu        sync.Mutex
	matches   []output.ResultEvent
	judged    int      // requests' worth of matchers that were evaluated and said no
	failures  []string // the engine's errors, in its words
	attempts  int      // requests made, also those that failed
	requests  []string
	responses []string // HTTP responses, head and body; else what the engine dumped
	answers   []string // HTTP responses alone
}

var _ output.Writer = (*transcript)(nil)

// maxExchanges is how many requests or responses of one probe are kept.
const maxExchanges = 64

func newTranscript(limit int) *transcript {
	return &transcript{colour: aurora.New(aurora.WithColors(false)), limit: limit}
}

// Close implements output.Writer.
func (t *transcript) Close() {}

// Colorizer implements output.Writer.
func (t *transcript) Colorizer() *aurora.Aurora { return t.colour }

// ResultCount implements output.Writer.
func (t *transcript) ResultCount() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.matches)
}

// Write implements output.Writer: a match.
func (t *transcript) Write(event *output.ResultEvent) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if event.MatcherStatus && len(t.matches) < maxExchanges {
		t.matches = append(t.matches, *event)
	}
	return nil
}

// WriteFailure implements output.Writer: the template ran to its end and nothing matched,
// or it could not run.
func (t *transcript) WriteFailure(event *output.InternalWrappedEvent) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, result := range event.Results {
		t.fail(result.Error)
	}
	if len(event.Results) > 0 { // made up by the engine where no request came to be judged
		return nil
	}
	if text, ok := event.InternalEvent["error"].(string); ok && text != "" {
		t.fail(text)
		return nil
	}
	t.judged++
	return nil
}

// Request implements output.Writer: one request was made.
func (t *transcript) Request(_, _, _ string, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.attempts++
	if err != nil {
		t.fail(err.Error())
	}
}

func (t *transcript) fail(text string) {
	if text != "" && len(t.failures) < maxExchanges && !slices.Contains(t.failures, text) {
		t.failures = append(t.failures, clip(text, t.limit))
	}
}

// RequestStatsLog implements output.Writer: an HTTP response, head and body, each one of
// a chain of redirects by itself.
func (t *transcript) RequestStatsLog(_, response string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.answers) < maxExchanges {
		t.answers = append(t.answers, clip(response, t.limit))
	}
}

// WriteStoreDebugData implements output.Writer: a request or response as the engine
// dumps it, after a line that says which.
func (t *transcript) WriteStoreDebugData(_, _, _, data string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	head, rest, _ := strings.Cut(data, "\n")
	switch text := clip(strings.TrimLeft(rest, "\r\n"), t.limit); {
	case strings.Contains(head, "response"):
		if len(t.responses) < maxExchanges {
			t.responses = append(t.responses, text)
		}
	case len(t.requests) < maxExchanges:
		t.requests = append(t.requests, text)
	}
}

// record is a transcript that has ended.
type record struct {
	match             *output.ResultEvent
	judged, attempts  int
	failures, answers []string
	request, response string
}

func (t *transcript) read() record {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := record{judged: t.judged, attempts: t.attempts, failures: slices.Clone(t.failures), answers: slices.Clone(t.answers),
		request: joined(t.requests), response: joined(t.responses)}
	if len(t.matches) > 0 {
		match := t.matches[0]
		r.match = &match
		if match.Request != "" {
			r.request = match.Request
		}
		if match.Response != "" {
			r.response = match.Response
		}
	}
	return r
}

func joined(texts []string) string {
	if len(texts) == 1 {
		return texts[0]
	}
	var b strings.Builder
	for i, text := range texts {
		fmt.Fprintf(&b, "--- %d of %d ---\n%s\n", i+1, len(texts), text)
	}
	return b.String()
}
