package api

import (
	"io"
	"net/http"
	"strings"

	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/secret"
)

const tooLargeHook = "split it, upload it to /api/v1/deliveries, or raise the source's max_body"

// newDecoy makes the source that stands in for those that don't exist: it takes the same
// work to refuse, and nobody has its secret.
func newDecoy() SourceInfo {
	return SourceInfo{HMAC: &HMAC{Header: "X-Hub-Signature-256", Secrets: []secret.String{secret.New(string(randomBytes(32)))}}}
}

// refusedHook is the one answer to every webhook that can't show its secret, whether the
// source exists or not.
func refusedHook() *Problem {
	return problem(http.StatusUnauthorized, fault.Denied, "there is no such source, or the call does not show its secret or a valid, fresh signature")
}

// hook takes in a webhook: it checks who sends it, stores it durably, and answers. Nothing
// in it is parsed. A body whose sender must be found out from its signature waits in a
// spool and is dropped if the signature is bad.
func (s *Server) hook(c *call) error {
	leave, err := s.spools.enter()
	if err != nil {
		return err
	}
	defer leave()
	name := c.param("source")
	source, known := s.deps.Source(name)
	if !known {
		source = s.decoy
	}
	zipped, err := encoded(c.Request().Header)
	if err != nil {
		return err
	}
	body, vendor, err := s.verified(c, &source)
	if err != nil {
		if known {
			s.metrics.deliveries.WithLabelValues(name, "webhook", "refused").Inc()
		}
		return err
	}
	defer s.letGo(body)
	reply, keep := s.reply(c, &source, body)
	if !keep {
		return reply()
	}
	if vendor == "" {
		vendor = deliveryID(c.Request().Header, source.DeliveryHeader)
	}
	out, err := s.accept(c.Request().Context(), incoming{source: source.Name, vendor: cleanDeliveryID(vendor), via: "webhook", by: source.Name,
		again: true, open: func() (io.Reader, error) {
			raw, err := body.reader()
			if err != nil {
				return nil, err
			}
			return plain(raw, zipped, source.maxBody(), tooLargeHook)
		}})
	if err != nil {
		return err
	}
	if reply != nil {
		return reply()
	}
	return c.json(http.StatusAccepted, out)
}

// reply gives the answer that a source's senders want, if they want one of their own, and
// whether the call is a report to be kept. It sees a body that fits into memory; a larger
// one is a report.
func (*Server) reply(c *call, source *SourceInfo, body *spool) (reply func() error, keep bool) {
	if source.Answerer == nil || body.file != nil {
		return nil, true
	}
	kind, text, keep := source.Answerer.Answer(c.Request().Header, body.memory.Bytes())
	return func() error { return c.Blob(http.StatusOK, kind, text) }, keep
}

func (s *Server) letGo(body *spool) {
	if err := body.Close(); err != nil {
		s.log.Warn("letting go of a webhook's body", "error", err)
	}
}

// verified reads the body and gives it if its sender has shown that he is the source. A
// body that is refused is read and hashed all the same: neither the time nor the answer
// tells whether there is such a source.
func (s *Server) verified(c *call, source *SourceInfo) (*spool, string, error) {
	header, now := c.Request().Header, s.now()
	body := &limited{r: newPatient(c), limit: source.maxBody(), what: tooLargeHook}
	shown := len(source.Bearer) > 0 && bearer(bearerText(header, source.BearerHeader), source.Bearer)
	if shown {
		// The cheap check is done: no reason to read what is over the limit.
		if err := s.rates.take(source, now); err != nil {
			return nil, "", err
		}
		sp, err := s.spools.read(body, spoolMemory)
		return sp, "", err
	}
	if source.HMAC == nil && source.Verifier == nil {
		source = &s.decoy
	}
	if source.Verifier != nil {
		return s.verifiedBy(source, header, body)
	}
	sig := source.HMAC.begin(header, now)
	hashed := io.TeeReader(body, sig)
	if source == &s.decoy || len(sig.given) == 0 || !sig.fresh {
		if err := drained(hashed); err != nil {
			return nil, "", err
		}
		return nil, "", refusedHook()
	}
	sp, err := s.spools.read(hashed, spoolMemory)
	if err != nil {
		return nil, "", err
	}
	if !sig.good() {
		s.letGo(sp)
		return nil, "", refusedHook()
	}
	if err := s.rates.take(source, now); err != nil {
		s.letGo(sp)
		return nil, "", err
	}
	return sp, "", nil
}

// verifiedBy asks the connector, which needs the body whole and in memory.
func (s *Server) verifiedBy(source *SourceInfo, header http.Header, body *limited) (*spool, string, error) {
	body.limit = min(body.limit, spoolVerified)
	sp, err := s.spools.read(body, spoolVerified)
	if err != nil {
		return nil, "", err
	}
	id, err := source.Verifier.VerifyWebhook(header, sp.memory.Bytes(), s.now())
	if err != nil {
		s.letGo(sp)
		// Whatever the connector says, a stranger hears the same.
		s.log.Debug("refusing a webhook", "source", source.Name, "error", err)
		return nil, "", refusedHook()
	}
	if err := s.rates.take(source, s.now()); err != nil {
		s.letGo(sp)
		return nil, "", err
	}
	return sp, id, nil
}

func bearerText(header http.Header, name string) string {
	if name != "" && !strings.EqualFold(name, "Authorization") {
		return header.Get(name)
	}
	scheme, text, _ := strings.Cut(header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return text
}
