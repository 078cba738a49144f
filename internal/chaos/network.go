package chaos

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strconv"
)

// network carries the calls of the connectors to the vendors, with accidents.
type network struct {
	weather *weather
	next    http.RoundTripper
	vendor  string
}

var errCut = errors.New("the connection broke before the answer came")

// RoundTrip implements http.RoundTripper.
func (n *network) RoundTrip(r *http.Request) (*http.Response, error) {
	w := n.weather
	kind := "read"
	if r.Method != http.MethodGet {
		kind = "write"
	}
	place := n.vendor + "_" + kind
	w.chance["answers_lost"]++
	w.chance["answers_429"]++
	w.chance["answers_5xx"]++
	if w.storm == 0 && w.likely(storms) {
		w.storm = stormLength
	}
	if w.storm > 0 && !w.calm {
		w.storm--
		w.other["answers_429"]++
		return answer(r, http.StatusTooManyRequests, "20"), nil
	}
	failing := w.likely(failures)
	if failing && w.random.IntN(2) == 0 {
		w.other["answers_5xx"]++
		return answer(r, http.StatusServiceUnavailable, ""), nil
	}
	w.die("before_"+place, deathsNet)
	response, err := n.next.RoundTrip(r)
	if err != nil {
		return nil, err //nolint:wrapcheck // the client says the rest
	}
	body, err := io.ReadAll(response.Body)
	_ = response.Body.Close() // what was read is what counts
	if err != nil {
		return nil, err //nolint:wrapcheck // likewise
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	w.die("after_"+place, deathsNet)
	switch {
	case failing:
		w.other["answers_5xx"]++
		return answer(r, http.StatusBadGateway, ""), nil
	case w.likely(lostAnswers):
		w.other["answers_lost"]++
		return nil, errCut
	}
	return response, nil
}

func answer(r *http.Request, status int, wait string) *http.Response {
	h := http.Header{"Content-Type": {"application/json"}}
	if wait != "" {
		h.Set("Retry-After", wait)
	}
	return &http.Response{StatusCode: status, Status: strconv.Itoa(status) + " " + http.StatusText(status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: h, Body: io.NopCloser(bytes.NewReader([]byte("{}"))), Request: r}
}
