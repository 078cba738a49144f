package activities

import (
	"context"
	"encoding/hex"
	"strings"
	"time"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/ledger"
	"github.com/quellsec/quell/internal/lifecycle"
)

// Prepared is what a workflow needs to have an exposure probed.
type Prepared struct {
	Request lifecycle.ProbeRequest `json:"request"`
	Vantage string                 `json:"vantage,omitempty"`
	Wait    time.Duration          `json:"wait,omitempty"`    // for a probe that polls there
	NotYet  time.Time              `json:"not_yet,omitzero"`  // the rules of engagement allow it from then on
	Refused string                 `json:"refused,omitempty"` // the rules of engagement don't allow it
	Without string                 `json:"without,omitempty"` // no probe could tell, and why
}

// Prepare makes the request for a probe, under the rules of engagement. The probe itself
// holds to them again; here they only decide where it goes, when, and whether at all.
func (a *Activities) Prepare(ctx context.Context, in StepInput) (Prepared, error) {
	e, err := a.exposure(ctx, in.ID)
	if err != nil {
		return Prepared{}, err
	}
	if !e.Verification.Method.Probes() {
		return Prepared{Without: "no probe can test it: a complete run of " + strings.Join(e.Sources, " and ") + " will tell"}, nil
	}
	target, err := a.assetOf(ctx, &e)
	if err != nil {
		return Prepared{}, err
	}
	rules := a.Engage(target)
	if !rules.Probe {
		return Prepared{Refused: "nobody consented to probes of this asset: set engagement.probe on its scope"}, nil
	}
	opens := rules.NextOpening(a.now())
	switch {
	case opens.IsZero():
		return Prepared{Refused: "the windows of its rules of engagement never open at the same time"}, nil
	case opens.After(a.now()):
		return Prepared{NotYet: opens.Truncate(time.Millisecond)}, nil
	}
	vantage := rules.Vantage
	if vantage == "" {
		vantage = a.Policy.Vantage
	}
	return Prepared{Vantage: vantage, Wait: a.Policy.ProbeWait, Request: lifecycle.ProbeRequest{
		Exposure: e.ID, Cause: in.cause("probe"), Weakness: e.Weakness, CVEs: e.CVEs, Location: e.Location,
		Verification: e.Verification, Addresses: addresses(&target), Scopes: e.Scopes, Engagement: rules,
	}}, nil
}

// addresses are the IP addresses that the asset is known by.
func addresses(of *asset.Asset) []string {
	var out []string
	for i := range of.Identifiers {
		if k := &of.Identifiers[i]; k.Kind == asset.IP {
			out = append(out, k.Value)
		}
	}
	return out
}

// RecordInput is what came of a probe.
type RecordInput struct {
	ID      exposure.ID      `json:"id"`
	Seq     int64            `json:"seq"`
	Vantage string           `json:"vantage,omitempty"` // where it was sent
	Verdict exposure.Verdict `json:"verdict,omitzero"`
	Refused string           `json:"refused,omitempty"` // by the rules of engagement; then there is no verdict
	Without string           `json:"without,omitempty"` // there was no probe, and why
}

// Record records what came of a probe: a verdict, a refusal, or that there was none. An
// exposure in validation or re-test always moves on, since a verdict that its guard does
// not take counts as inconclusive, and says why.
func (a *Activities) Record(ctx context.Context, in RecordInput) (lifecycle.ExposureView, error) {
	step := StepInput{ID: in.ID, Seq: in.Seq}
	prober := exposure.Actor{Kind: exposure.Prober, Name: in.Vantage}
	if in.Vantage == "" {
		prober = system("lifecycle")
	}
	if in.Refused != "" {
		ev := exposure.Event{Kind: exposure.EventProbeRefused, Actor: prober, Cause: step.cause(exposure.EventProbeRefused), Reason: in.Refused}
		if _, err := a.apply(ctx, ledger.Change{ID: in.ID, Event: ev}); err != nil {
			return lifecycle.ExposureView{}, err
		}
		in.Without = "the probe was refused: " + in.Refused
	}
	verdict := in.Verdict
	if in.Without != "" {
		verdict = a.inconclusive(in.Without)
	} else if why := a.unusable(&in); why != "" {
		verdict = a.inconclusive(why)
		verdict.Vantage = in.Vantage
	}
	res, err := a.recordVerdict(ctx, in.ID, step.cause("verdict"), prober, verdict)
	if err != nil {
		return lifecycle.ExposureView{}, err
	}
	if s := res.Exposure.State; (s == exposure.Validating || s == exposure.Verifying) && verdict.Outcome == exposure.Refuted {
		why := res.Step.Why
		if why == "" {
			why = "its check isn't newer than what is known"
		}
		second := a.inconclusive("the probe didn't find it, which proves nothing: " + why)
		second.Vantage = in.Vantage
		if verdict.CheckedAt.After(second.CheckedAt) {
			second.CheckedAt = verdict.CheckedAt // it is the last word, whatever the clocks say
		}
		if res, err = a.recordVerdict(ctx, in.ID, step.cause("unproven"), prober, second); err != nil {
			return lifecycle.ExposureView{}, err
		}
	}
	return a.viewAfter(&res), nil
}

// recordVerdict records one verdict. A claim that the ticket left on the exposure goes
// first: moving on would wipe it away.
func (a *Activities) recordVerdict(ctx context.Context, id exposure.ID, cause string, by exposure.Actor, v exposure.Verdict) (ledger.Result, error) {
	for range rounds {
		e, err := a.exposure(ctx, id)
		if err != nil {
			return ledger.Result{}, err
		}
		if ev, pending := claimed(&e); pending && e.State == exposure.Validating {
			ev.Cause = cause + "/claim"
			if _, err := a.apply(ctx, ledger.Change{ID: id, Event: ev}); err != nil {
				return ledger.Result{}, err
			}
			continue
		}
		res, err := a.apply(ctx, ledger.Change{ID: id, IfVersion: e.Version, Event: exposure.Event{
			Kind: exposure.EventKind(v.Outcome), Actor: by, Cause: cause, CheckedAt: v.CheckedAt, Reason: v.Reason, Evidence: v.Evidence, Verdict: &v,
		}})
		if fault.Is(err, fault.Conflict) {
			if now, readErr := a.exposure(ctx, id); readErr == nil && now.Version != e.Version && now.Mode == exposure.ModeWorkflow {
				continue // somebody wrote in between
			}
		}
		return res, err
	}
	return ledger.Result{}, fault.New(fault.Unavailable, "recording a verdict on exposure %s: it changes faster than it can be read", id)
}

func (a *Activities) inconclusive(why string) exposure.Verdict {
	return exposure.Verdict{Outcome: exposure.Inconclusive, Reason: why, CheckedAt: a.now()}
}

// maxSkew is how far a probe's clock may be ahead of ours. What a check can prove hangs
// on its time, so a verdict from the future proves nothing.
const maxSkew = 2 * time.Minute

// unusable says why a verdict can't be taken for what it says.
func (a *Activities) unusable(in *RecordInput) string {
	v := &in.Verdict
	switch v.Outcome {
	case exposure.Confirmed, exposure.Refuted, exposure.Inconclusive:
	default:
		return "the probe at vantage " + in.Vantage + " answered without a verdict"
	}
	switch {
	case v.CheckedAt.IsZero():
		return "the verdict doesn't say when it was checked"
	case v.CheckedAt.After(a.now().Add(maxSkew)):
		return "the clock of the probe at vantage " + in.Vantage + " is ahead of ours"
	}
	for _, sha := range v.Evidence {
		if raw, err := hex.DecodeString(sha); err != nil || len(raw) != 32 {
			return "the verdict names evidence that no hash can find"
		}
	}
	if key, ok := a.Keys[in.Vantage]; ok {
		if err := exposure.VerifyVerdict(key, in.ID, *v); err != nil {
			return "the verdict isn't signed by the key of vantage " + in.Vantage + ": " + err.Error()
		}
	}
	return ""
}
