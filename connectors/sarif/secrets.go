package sarif

import (
	"regexp"
	"slices"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/exposure"
)

// leakFinders are tools that look for nothing but leaked secrets, by the name of their
// driver.
var leakFinders = []string{"gitleaks", "trufflehog", "ggshield", "detect-secrets", "betterleaks", "kingfisher", "noseyparker", "secretscanner", "gitguardian", "whispers"} //nolint:gochecknoglobals // a constant list

var aboutSecrets = regexp.MustCompile(`(?i)^(?:secrets?|hard-?coded[- ](?:secrets?|credentials?)|generic\.secrets\..*)$`)

// secret reports whether a result is of a leaked credential: by its tool, the rule's tags
// or its name.
func secret(n *run, f *exposure.Finding, r *rule) bool {
	name := strings.ToLower(n.driver.name)
	return slices.ContainsFunc(leakFinders, func(tool string) bool { return strings.Contains(name, tool) }) ||
		slices.ContainsFunc(r.Properties.Tags, aboutSecrets.MatchString) || strings.Contains(f.Check, ".secrets.")
}

// hideSecret makes a finding of a leaked credential, and keeps the credential out of it.
// What lies around it is not kept: a snippet is mostly the secret itself.
func hideSecret(f *exposure.Finding, res *result) {
	f.Class = exposure.ClassSecret
	f.Vendor = nil
	f.Evidence = connectors.Mask(strings.TrimSpace(raw(res)))
	f.Title, f.Description = connectors.Redact(f.Title), connectors.Redact(f.Description)
	if f.Remediation == "" {
		f.Remediation = "Revoke the secret, then remove it from the file and from the history that still holds it."
	}
	for _, said := range []string{res.Properties.Offender.String(), raw(res)} {
		const least = 6
		if len(said) >= least {
			f.Title = strings.ReplaceAll(f.Title, said, connectors.Mask(said))
			f.Description = strings.ReplaceAll(f.Description, said, connectors.Mask(said))
		}
	}
}
