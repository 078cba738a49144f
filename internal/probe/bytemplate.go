package probe

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/quellsec/quell/internal/exposure"
)

// finding is what a method came to, before it is sealed and signed.
type finding struct {
	outcome  exposure.VerdictOutcome
	reason   string
	template string
	evidence []exposure.Evidence
}

func inconclusive(reason string) finding {
	return finding{outcome: exposure.Inconclusive, reason: reason}
}

// visit is one probe of one host, behind its wall.
type visit struct {
	*Prober
	wall *wall
	gap  time.Duration
	at   time.Time
	t    target
}

// byTemplate has the engine run a template, and tells "not there" from "could not look":
// the target is looked at before and after, and every request must have been answered
// by the target itself and judged.
func (v *visit) byTemplate(ctx context.Context, tmpl Template) finding {
	web := slices.Contains(tmpl.Protocols, "http")
	t, why := v.t, ""
	if web {
		t, why = v.withScheme(ctx, v.wall, t)
	} else {
		t.url = nil
	}
	var before answer
	if why == "" && !tmpl.onlyAsksNames() {
		before, why = v.alive(ctx, v.wall, t)
	}
	if why != "" {
		return v.about(tmpl, t, record{request: before.request, response: before.response}, inconclusive("before the check: "+why))
	}
	seen, err := v.run(ctx, tmpl, t.host, inputs(t), v.wall, v.gap)
	if seen.match != nil { // what matched came from the pinned address, whatever happened then
		return v.about(tmpl, t, seen, finding{outcome: exposure.Confirmed, reason: "template " + tmpl.ID + " matched" + where(seen)})
	}
	if why := v.unseen(tmpl, t, seen, err); why != "" {
		return v.about(tmpl, t, seen, inconclusive(why))
	}
	if !tmpl.onlyAsksNames() {
		if _, why := v.alive(ctx, v.wall, t); why != "" {
			return v.about(tmpl, t, seen, inconclusive("after the check: "+why))
		}
	}
	reason := fmt.Sprintf("template %s made %d requests, all of them were answered and none matched", tmpl.ID, seen.attempts)
	if len(seen.failures) > 0 {
		reason = fmt.Sprintf("the target refuses the TLS handshake that template %s needs, and accepts others", tmpl.ID)
	}
	return v.about(tmpl, t, seen, finding{outcome: exposure.Refuted, reason: reason})
}

// onlyAsksNames reports whether the template makes no connection to the target.
func (t Template) onlyAsksNames() bool { return len(t.Protocols) == 1 && t.Protocols[0] == "dns" }

// inputs is what the engine is run on: the target, and the root of its site too where
// the target has a path, since templates bring paths of their own and a source may have
// named the page that it matched.
func inputs(t target) []string {
	if t.url == nil {
		return []string{t.hostport()}
	}
	clean := *t.url
	clean.RawQuery = ""
	root := url.URL{Scheme: t.url.Scheme, Host: t.url.Host}
	if strings.Trim(clean.Path, "/") == "" {
		return []string{root.String()}
	}
	return []string{clean.String(), root.String()}
}

func where(seen record) string {
	if seen.match.Matched == "" {
		return ""
	}
	return " at " + redact(clip(seen.match.Matched, 300))
}

// unseen says why a run without a match is no proof that the weakness is gone; empty: it
// is one.
func (v *visit) unseen(tmpl Template, t target, seen record, err error) string {
	if strays := v.wall.strayed(); len(strays) > 0 {
		return "the check led off target, to " + strings.Join(strays, ", ") + ", and was not followed"
	}
	if err != nil {
		return "the engine gave no answer: " + plain(err)
	}
	if len(seen.failures) > 0 && !v.refusedHandshake(tmpl, seen) {
		return fmt.Sprintf("%d requests were made and some failed: %s", seen.attempts, seen.failures[0])
	}
	for _, text := range seen.answers {
		if why := unproven(t, text); why != "" {
			return why
		}
	}
	if seen.attempts == 0 || seen.judged == 0 && len(seen.failures) == 0 {
		return "the engine made no request that it could judge"
	}
	if seen.judged+len(seen.failures) == 0 || len(inputs(t)) > seen.judged && len(seen.failures) == 0 {
		return "the engine did not judge every address it was given"
	}
	return ""
}

// refusedHandshake reports whether all that failed is the handshake of a template that
// asks for particular versions or ciphers: being refused those is an answer.
func (v *visit) refusedHandshake(tmpl Template, seen record) bool {
	if !tmpl.pinsTLS || len(tmpl.Protocols) != 1 || tmpl.Protocols[0] != "ssl" || seen.judged > 0 {
		return false
	}
	return !slices.ContainsFunc(seen.failures, func(text string) bool {
		return strings.Contains(text, "timeout") || strings.Contains(text, "deadline") || strings.Contains(text, "refused")
	})
}

// about adds the evidence of a template's run.
func (v *visit) about(tmpl Template, t target, seen record, f finding) finding {
	e := v.note(kindOf(tmpl.Protocols[0]), t, seen.request, seen.response)
	e.Template, e.Digest = tmpl.ID, tmpl.Digest
	e.Note = f.reason
	if m := seen.match; m != nil {
		e.Matcher = strings.Join(slices.DeleteFunc(append([]string{m.MatcherName, m.ExtractorName}, m.ExtractedResults...),
			func(text string) bool { return text == "" }), "\n")
	}
	f.template = tmpl.Label()
	f.evidence = append(f.evidence, e)
	return f
}

func kindOf(protocol string) string {
	if protocol == "ssl" {
		return "tls"
	}
	return protocol
}

// note begins an evidence.
func (v *visit) note(kind string, t target, request, response string) exposure.Evidence {
	named := t.hostport()
	if t.url != nil {
		named = t.url.String()
	}
	return exposure.Evidence{Kind: kind, Target: named, Address: v.wall.reached(), Request: request, Response: response,
		Vantage: v.opts.Vantage, At: v.at}
}

// byCVE runs the templates that claim a CVE, at most maxClaims of them. One match
// confirms; only silence of them all refutes.
func (v *visit) byCVE(ctx context.Context, claims []Template) finding {
	var all finding
	for _, tmpl := range claims {
		f := v.byTemplate(ctx, tmpl)
		f.evidence = append(all.evidence, f.evidence...)
		if f.outcome == exposure.Confirmed {
			return f
		}
		if all.outcome == exposure.Inconclusive { // keep the first reason why not
			all.evidence = f.evidence
			continue
		}
		all = f
	}
	return all
}
