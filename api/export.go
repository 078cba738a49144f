package api

import (
	"encoding/json"
	"net/http"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
)

// flushEvery is how many lines of an export go out together.
const flushEvery = 256

// export streams exposures, one JSON object a line. It holds one of them at a time. What
// goes wrong after the first line can't be said in the answer any more: the connection is
// cut, which every client notices.
func (s *Server) export(c *call) error {
	f, err := filterOf(c.QueryParams(), c.visible())
	if err != nil {
		return err
	}
	select {
	case s.exports <- struct{}{}:
		defer func() { <-s.exports }()
	default:
		return fault.New(fault.Throttled, "%d exports are under way; try again when one has ended", maxExports)
	}
	w := c.Response()
	w.Header().Set("Content-Type", ndjsonType)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	lines := 0
	err = s.deps.Exposures.EachExposure(c.Request().Context(), f, func(e exposure.Exposure) error {
		if lines == 0 {
			w.WriteHeader(http.StatusOK)
		}
		if lines%flushEvery == 0 {
			c.persist()
			w.Flush()
		}
		lines++
		e.Sources, e.Findings, e.Sights = listed(e.Sources), listed(e.Findings), listed(e.Sights)
		return enc.Encode(e)
	})
	if err != nil {
		if !w.Committed {
			return fault.Wrap(fault.KindOf(err), err, "exporting exposures")
		}
		s.log.Warn("an export was cut short", "request_id", requestID(c), "lines", lines, "error", err)
		panic(http.ErrAbortHandler) // the server's way to end a response without its end
	}
	if lines == 0 {
		w.WriteHeader(http.StatusOK)
	}
	return nil
}
