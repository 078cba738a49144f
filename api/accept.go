package api

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/secret"
)

// SourceInfo is one configured source as far as its deliveries are concerned.
type SourceInfo struct {
	Name      string
	Connector string
	// A webhook shows a secret of Bearer, or it is signed as HMAC says, or the connector
	// checks it. BearerHeader empty is "Authorization: Bearer SECRET"; another header holds
	// the secret alone. Where none is set, nobody gets in.
	Bearer       []secret.String
	BearerHeader string
	HMAC         *HMAC
	Verifier     WebhookVerifier // the connector's own, where it has one
	Answerer     Answerer        // gives callers an answer of their own; nil: the usual one
	// DeliveryHeader holds the vendor's delivery ID; empty = the well-known ones.
	DeliveryHeader string
	Rate           float64 // webhooks a second; zero = 1000
	Burst          int     // zero = twice the rate
	MaxBody        int64   // bytes of one webhook body; zero = 512 MiB
}

// WebhookVerifier checks a call before its body is stored: a connector's role.
type WebhookVerifier interface {
	// VerifyWebhook gives the vendor's delivery ID (empty if it has none), or an error of
	// kind denied.
	VerifyWebhook(header http.Header, body []byte, now time.Time) (deliveryID string, err error)
}

// Answerer answers the senders of a source in their own words: a connector's role.
type Answerer interface {
	// Answer gives a body of a media type, and whether the call is a report to be kept.
	Answer(header http.Header, body []byte) (kind string, reply []byte, keep bool)
}

const (
	defaultMaxBody = 512 << 20
	maxUpload      = 16 << 30
)

func (i *SourceInfo) maxBody() int64 {
	if i.MaxBody > 0 {
		return i.MaxBody
	}
	return defaultMaxBody
}

// Deliveries takes in bodies and knows what became of them.
type Deliveries interface { //nolint:interfacebloat // one record, from its body to a decision on it
	// AcceptDelivery stores the body and its delivery durably, if its ID is new, and gives
	// the delivery as stored. An error of the body's reader is returned, with nothing kept.
	AcceptDelivery(ctx context.Context, d exposure.Delivery, body io.Reader) (exposure.Delivery, bool, error)
	Delivery(ctx context.Context, id string) (exposure.Delivery, error)
	FindDeliveries(ctx context.Context, source, status string, l exposure.List) (exposure.Page[exposure.Delivery], error)
	PutDelivery(ctx context.Context, d exposure.Delivery) error
	// SwapDelivery writes a delivery whose stored version is one less, and says whether.
	SwapDelivery(ctx context.Context, d exposure.Delivery) (bool, error)
	PendingSources(ctx context.Context) ([]string, error)
}

// Accepted is what a sender is told about a delivery.
type Accepted struct {
	Delivery string `json:"delivery"`           // its ID: ask /api/v1/deliveries what became of it
	Repeated bool   `json:"repeated,omitempty"` // it was there already, and nothing was stored
	Size     int64  `json:"size"`               // bytes, uncompressed
	Name     string `json:"name,omitempty"`
}

// incoming is a body on its way into the store.
type incoming struct {
	source string
	vendor string // the sender's ID for it
	via    string
	by     string
	name   string
	// open gives the body from its beginning; again says that it can be called twice.
	open  func() (io.Reader, error)
	again bool
}

// accept stores a body durably and wakes the source's ingest. A sender that uses one ID
// for two different bodies loses neither: where the body can be read again it is kept
// under an ID of its own, else the sender is told.
func (s *Server) accept(ctx context.Context, in incoming) (Accepted, error) {
	d, isNew, sum, err := s.store(ctx, in, "")
	if err == nil && !isNew && sum != d.Body {
		if !in.again {
			return Accepted{}, fault.New(fault.Conflict, "accepting a body: this Idempotency-Key was used for another body before, as delivery %s", d.ID)
		}
		d, isNew, _, err = s.store(ctx, in, "#"+sum[:16])
	}
	if err != nil {
		s.metrics.deliveries.WithLabelValues(in.source, in.via, "failed").Inc()
		return Accepted{}, err
	}
	outcome := "repeated"
	if isNew {
		outcome = "accepted"
		s.metrics.bytes.WithLabelValues(in.source).Add(float64(d.Size))
	}
	s.metrics.deliveries.WithLabelValues(in.source, in.via, outcome).Inc()
	s.wakes.source(ctx, in.source) // for a repeat too: the first wake may have been lost
	return Accepted{Delivery: d.ID, Repeated: !isNew, Size: d.Size, Name: d.Name}, nil
}

// store stores a body once, and gives the hash of what was sent.
func (s *Server) store(ctx context.Context, in incoming, suffix string) (d exposure.Delivery, isNew bool, sum string, err error) {
	body, err := in.open()
	if err != nil {
		return d, false, "", err
	}
	now := s.now()
	vendor := in.vendor
	if vendor != "" {
		vendor += suffix
	}
	id := vendor
	if id == "" {
		id = ulid.MustNew(ulid.Timestamp(now), rand.Reader).String()
	}
	hash := sha256.New()
	watched := &watched{r: io.TeeReader(body, hash)}
	d, isNew, err = s.deps.Deliveries.AcceptDelivery(ctx, exposure.Delivery{
		ID: in.source + "|" + id, Source: in.source, VendorID: vendor, Name: in.name, Via: in.via, By: in.by,
		ReceivedAt: ms(now), Status: exposure.DeliveryReceived,
	}, watched)
	if watched.err != nil {
		return d, false, "", watched.err // the body's own error says more than the store's about it
	}
	if err != nil {
		return d, false, "", fault.Wrap(fault.KindOf(err), err, "storing a body from "+in.source)
	}
	if !isNew {
		if err := drained(watched); err != nil {
			return d, false, "", err
		}
	}
	return d, isNew, hex.EncodeToString(hash.Sum(nil)), nil
}

// watched remembers how reading failed, however the store words it.
type watched struct {
	r   io.Reader
	err error
}

// Read implements io.Reader.
func (w *watched) Read(b []byte) (int, error) {
	n, err := w.r.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		w.err = err
	}
	return n, err
}
