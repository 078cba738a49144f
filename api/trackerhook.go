package api

import (
	"context"
	"net/http"
	"time"

	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
)

// TrackerHook is a configured tracker that calls when one of its issues changes.
type TrackerHook struct {
	Name     string
	Verifier interface {
		// VerifyWebhook checks a call over its raw body, and gives the vendor's ID of it.
		VerifyWebhook(header http.Header, body []byte, now time.Time) (string, error)
	}
	// Ticket reads what a verified call is about; ok is false for what is none of ours.
	Ticket  func(header http.Header, body []byte) (change lifecycle.TicketChange, ok bool)
	Rate    float64 // calls a second; zero means 1000
	Burst   int     // calls at once; zero means twice the rate
	MaxBody int64   // bytes; zero means 4 MiB
}

// TicketChanged notes durably that a ticket is to be read, and has that done.
type TicketChanged func(ctx context.Context, change lifecycle.TicketChange) error

// Heard is the answer to a tracker's call. It doesn't say whether the issue is ours.
type Heard struct {
	Status string `json:"status"` // heard
}

const (
	trackerBody      = 4 << 20
	trackerHookLimit = "a tracker's call tells of one issue; raise webhook.max_body of the tracker if its issues are that large"
)

func trackerHookRoutes() []route {
	return []route{
		{method: http.MethodPost, path: "/hooks/trackers/{tracker}", name: "trackerHook", tag: "deliveries", summary: "Hear from a tracker that an issue changed",
			doc: "Authenticated by the tracker's own signature over the raw body. What the call says is not believed: the issue is read again. " +
				"That it is to be read is stored durably before the answer, and a repeated call is one.",
			access: open(), body: &upload{types: []string{"*/*"}, doc: "The body as its vendor sends it."},
			out: Heard{}, status: http.StatusAccepted, handle: (*Server).trackerHook},
	}
}

// trackerHook takes in a tracker's call. An unknown tracker and a bad signature are
// answered alike, and take the same work.
func (s *Server) trackerHook(c *call) error {
	leave, err := s.spools.enter()
	if err != nil {
		return err
	}
	defer leave()
	hook, known := TrackerHook{}, false
	if s.deps.TrackerHook != nil {
		hook, known = s.deps.TrackerHook(c.param("tracker"))
	}
	source := s.decoy
	if known {
		source = SourceInfo{Name: "trackers/" + hook.Name, Verifier: hook.Verifier, Rate: hook.Rate, Burst: hook.Burst, MaxBody: hook.MaxBody}
	}
	if source.MaxBody <= 0 {
		source.MaxBody = trackerBody
	}
	if c.Request().Header.Get("Content-Encoding") != "" {
		return problem(http.StatusUnsupportedMediaType, fault.Invalid, "a tracker's call is taken as it is signed: without Content-Encoding")
	}
	body, id, err := s.verified(c, &source)
	if err != nil {
		s.metrics.heard(source.Name, "refused", known)
		return err
	}
	defer s.letGo(body)
	change, ours := hook.Ticket(c.Request().Header, body.memory.Bytes())
	if !ours {
		s.metrics.heard(source.Name, "not_ours", known)
		return c.json(http.StatusAccepted, Heard{Status: "heard"})
	}
	change.Tracker = hook.Name
	if change.Cause == "" {
		change.Cause = id
	}
	if err := s.deps.TicketChanged(c.Request().Context(), change); err != nil {
		s.metrics.heard(source.Name, "failed", known)
		return fault.Wrap(fault.KindOf(err), err, "hearing of a changed ticket")
	}
	s.metrics.heard(source.Name, "accepted", known)
	return c.json(http.StatusAccepted, Heard{Status: "heard"})
}

// heard counts a tracker's call. Names of trackers that there aren't are not counted: a
// stranger can make up any number of them.
func (m *metrics) heard(source, outcome string, known bool) {
	if known {
		m.deliveries.WithLabelValues(source, "webhook", outcome).Inc()
	}
}
