package github

import (
	"cmp"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/exposure"
)

// codeScanning fills in what a tool found in the code.
func codeScanning(a *alert, ev event, f *exposure.Finding) (skip string) {
	rule := a.Rule
	id := connectors.Ident(cmp.Or(rule.ID.String(), rule.Name.String()))
	if id == "" {
		return "alert_without_rule"
	}
	at := place(a, ev.ref)
	f.Class = exposure.ClassVulnerability
	f.Check = Name + ":code-scanning:" + connectors.Ident(cmp.Or(a.Tool.Name.String(), "unknown")) + ":" + id
	f.Title = cmp.Or(rule.Description.String(), rule.Name.String(), id)
	f.Description = rule.FullDescription.String()
	f.Remediation = rule.Help.String()
	f.RawSeverity = cmp.Or(rule.SecuritySeverity.String(), rule.Severity.String())
	if rule.HelpURI != "" {
		f.References = []string{rule.HelpURI.String()}
	}
	var cwes []string
	for _, tag := range rule.Tags {
		if cwe, ok := strings.CutPrefix(tag, "external/cwe/"); ok {
			cwes = append(cwes, cwe)
		} else {
			f.Tags = append(f.Tags, tag)
		}
	}
	f.CWEs = connectors.CWEs(cwes)
	f.Location = connectors.Ident(at.Location.Path.String())
	f.Target = at.Location.Path.String()
	if at.Location.StartLine != "" {
		f.Target += ":" + at.Location.StartLine.String()
	}
	f.Evidence = connectors.Redact(at.Message.Text.String())
	setState(a, f, codeState(a))
	if f.Status == exposure.StatusFixed {
		if why := elsewhere(a, at, ev); why != "" {
			f.Status, f.StatusNote = exposure.StatusArchived, "fixed "+why
		}
	}
	return ""
}

// place is the instance that an alert or event is about.
func place(a *alert, ref string) instance {
	if a.MostRecent != nil {
		return *a.MostRecent
	}
	for _, i := range a.Instances {
		if i.Ref.String() == ref {
			return i
		}
	}
	if len(a.Instances) > 0 {
		return a.Instances[len(a.Instances)-1]
	}
	return instance{}
}

// codeState is the alert's state; older events have it at the instance alone.
func codeState(a *alert) string {
	if a.State != "" {
		return a.State.String()
	}
	return place(a, "").State.String()
}

// elsewhere says why an alert that is called fixed need not be so where it counts: GitHub
// closes alerts of a branch that was deleted or a pull request that was closed, too. The
// lists of the API speak of the default branch.
func elsewhere(a *alert, at instance, ev event) string {
	ref := cmp.Or(ev.ref, at.Ref.String())
	branch := ""
	if a.Repository != nil {
		branch = a.Repository.DefaultBranch.String()
	}
	switch {
	case ev.commit != "" && strings.Trim(ev.commit, "0") == "":
		return "by no commit: the branch is gone"
	case strings.HasPrefix(ref, "refs/pull/"), branch != "" && ref != "" && ref != branch && ref != "refs/heads/"+branch:
		return "on " + ref + ", which is not the default branch"
	case at.State != "" && !strings.EqualFold(at.State.String(), "fixed"):
		return "while its latest instance is " + at.State.String()
	}
	return ""
}

// secretScanning fills in what is said of a leaked secret. Its place in the files is no
// part of its identity, since alerts come with and without.
func secretScanning(a *alert, ev event, f *exposure.Finding) {
	kind := connectors.Ident(a.SecretType.String())
	f.Class, f.Check = exposure.ClassSecret, Name+":secret-scanning:"+kind
	f.Title = "Leaked secret: " + cmp.Or(a.SecretTypeName.String(), kind)
	f.Remediation = "Revoke the secret at its issuer, then remove it from the repository and from the history that still holds it."
	f.Target = cmp.Or(ev.place.Path.String(), ev.place.Details.Path.String(), a.FirstLocation.Path.String(), a.FirstLocation.Details.Path.String())
	if a.Secret != "" {
		f.Evidence = connectors.Mask(a.Secret.String())
	}
	f.Severity = exposure.SeverityHigh // GitHub gives none
	f.LastSeen = a.UpdatedAt.Time
	if a.Validity != "" {
		f.StatusNote = "validity " + a.Validity.String()
	}
	if !strings.EqualFold(a.State.String(), "resolved") && a.ResolvedAt.IsZero() {
		f.Status = exposure.StatusOpen
		return
	}
	resolution := strings.ToLower(a.Resolution.String())
	f.Status = statuses.Of(cmp.Or(resolution, "resolved"))
	if f.Status == exposure.StatusOpen { // a resolution that we don't know closes nothing
		f.Status = exposure.StatusArchived
	}
	if resolution == "revoked" && strings.EqualFold(a.Validity.String(), "inactive") {
		f.Status = exposure.StatusFixed
	}
	f.LastSeen = latest(a.ResolvedAt, a.UpdatedAt)
	said := note("resolved", resolution, a.ResolvedBy.Login.String(), a.ResolvedComment.String())
	if f.StatusNote != "" {
		said += " (" + f.StatusNote + ")"
	}
	f.StatusNote = said
}

func latest(times ...wire.Time) (last time.Time) {
	for _, t := range times {
		if t.After(last) {
			last = t.Time
		}
	}
	return last
}
