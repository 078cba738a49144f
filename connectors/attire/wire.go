package attire

import (
	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/connectors/wire"
)

// Limits of what is taken over from a log.
const (
	largestProcedure = 16 << 20
	largestOther     = 256 << 10
	mostWaiting      = 10_000
	excerpt          = 1 << 10
)

// execution is the execution-data of a log.
type execution struct {
	Source   wire.Text `json:"execution-source"`
	ID       wire.Text `json:"execution-id"`
	Category struct {
		Name wire.Text `json:"name"`
	} `json:"execution-category"`
	Command wire.Text `json:"execution-command"`
	Target  struct {
		User wire.Text `json:"user"`
		Host wire.Text `json:"host"`
		IP   wire.Text `json:"ip"`
	} `json:"target"`
	Generated wire.Time `json:"time-generated"`
}

// procedure is one test.
type procedure struct {
	Technique wire.Text `json:"mitre-technique-id"`
	Name      wire.Text `json:"procedure-name"`
	ID        struct {
		Type wire.Text `json:"type"`
		ID   wire.Text `json:"id"`
	} `json:"procedure-id"`
	Description wire.Text       `json:"procedure-description"`
	Order       wire.Text       `json:"order"`
	Steps       wire.List[step] `json:"steps"`
}

// step is one command of a test.
type step struct {
	Start    wire.Time `json:"time-start"`
	Stop     wire.Time `json:"time-stop"`
	Executor wire.Text `json:"executor"`
	Command  wire.Text `json:"command"`
	PID      wire.Text `json:"process-id"`
	ExitCode wire.Text `json:"exit-code"`
	Timeout  wire.Flag `json:"is-timeout"`
	Output   wire.List[struct {
		Content wire.Text `json:"content"`
		Level   wire.Text `json:"level"`
		Type    wire.Text `json:"type"`
	}] `json:"output"`
}

// document reads a log. Procedures that stand before the target wait for it.
func (d *decoding) document(e *report.Emitter, r *jsonpull.Reader) error {
	if r.Kind() != jsonpull.Object {
		r.Fail("a log is an object")
		return nil
	}
	known := false
	d.target, d.waiting = nil, nil
	err := r.Fields(func(key string) error {
		switch key {
		case "execution-data":
			var x execution
			if _, ok := r.Into(largestOther, &x); ok {
				d.begin(&x)
			}
		case "procedures":
			known = true
			for a := r.Array(); r.Elem(a); {
				p := &procedure{}
				_, ok := r.Into(largestProcedure, p)
				if !r.OK() { // half a procedure is none
					return nil
				}
				if !ok {
					e.Skip("procedure_too_large_or_no_object")
					continue
				}
				if d.target == nil {
					if len(d.waiting) == mostWaiting {
						e.Skip("procedure_before_its_target")
					} else {
						d.waiting = append(d.waiting, p)
					}
					continue
				}
				if err := d.procedure(e, p); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil || !r.OK() {
		return err
	}
	if !known {
		r.Fail("there are no procedures in it: this is something else")
	}
	for _, p := range d.waiting {
		if err := d.procedure(e, p); err != nil {
			return err
		}
	}
	return nil
}
