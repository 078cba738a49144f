package connectortest_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/builtin"
	"github.com/quellsec/quell/internal/exposure"
)

// vendorWords are what vendors call the state of a finding, and whether it says that the
// weakness is gone. Connectors are given by the names that they may have: a row whose
// connector is not in the list yet is skipped by name, and counts when it arrives.
var vendorWords = []struct {
	connectors string // names, separated by blanks
	word       string
	fixed      bool
	why        string
}{
	// What looks like a fix and is none.
	{"crowdstrike falcon", "expired", false, "the host was not seen for so long that it was forgotten"},
	{"securityhub", "archived", false, "it is archived when nothing updates it for 90 days"},
	{"securityhub", "suppressed", false, "a person's opinion"},
	{"defender mde", "inactive", false, "the machine does not report any more"},
	{"qualys", "purged", false, "the host was purged from the subscription"},
	{"qualys", "protected", false, "something else keeps it from harm"},
	{"tenable", "deleted", false, "the asset aged out"},
	{"vex", "not_affected", false, "an opinion about the product"},
	{"vex", "resolved", false, "an opinion about a version that need not be the one that runs"},
	{"grype", "not_affected", false, "a VEX statement's opinion"},
	{"trivy", "not_affected", false, "a VEX statement's opinion"},
	{"hackerone", "duplicate", false, "another report has it, and may be open"},
	{"hackerone", "informative", false, "nobody means to mend it"},
	{"hackerone", "not-applicable", false, "nobody believes it, which is no test"},
	{"bugcrowd", "duplicate", false, "another submission has it, and may be open"},
	{"bugcrowd", "not_applicable", false, "nobody believes it, which is no test"},
	{"bugcrowd", "wont_fix", false, "nobody means to mend it"},
	{"wiz", "rejected", false, "a person's opinion"},
	{"github", "auto_dismissed", false, "a rule of somebody's hides it"},
	{"github", "dismissed", false, "a person's opinion"},
	{"gitlab", "dismissed", false, "a person's opinion"},
	{"snyk", "ignored", false, "a person's opinion"},
	{"sarif", "suppressed", false, "a person's opinion"},

	// What the vendor itself has checked.
	{"tenable", "fixed", true, "with last_fixed"},
	{"qualys", "fixed", true, "a scan says so"},
	{"defender mde", "fixed", true, "the delta export says so"},
	{"crowdstrike falcon", "closed", true, "the sensor says so"},
	{"wiz", "resolved", true, "with resolvedAt"},
	{"inspector", "closed", true, "the scan says so"},
	{"scc gcpscc", "inactive", true, "the detector says so"},
	{"azuredefender defendercloud", "healthy", true, "the assessment passed"},
	{"github", "fixed", true, "the scanner no longer finds it"},
	{"gitlab", "resolved_on_default_branch", true, "the scanner no longer finds it"},
	{"snyk", "fixed", true, "the monitor no longer finds it"},
	{"hackerone", "resolved", true, "the reporter can test it"},
	{"bugcrowd", "resolved", true, "the reporter can test it"},
	{"sarif", "absent", true, "of a baseline"},
}

func TestWhatLooksLikeAFixIsNoneAndWhatIsOneCounts(t *testing.T) {
	for _, row := range vendorWords {
		t.Run(row.connectors+"/"+row.word, func(t *testing.T) {
			var found []connectors.Registration
			for _, name := range strings.Fields(row.connectors) {
				if reg, err := builtin.Find(name); err == nil {
					found = append(found, reg)
				}
			}
			if len(found) == 0 {
				t.Skipf("there is no connector %s yet", row.connectors)
			}
			for _, reg := range found {
				require.Equal(t, row.fixed, reg.Statuses.Of(row.word) == exposure.StatusFixed, "%s: %s", reg.Name, row.why)
			}
		})
	}
}

// TestNoWordOfOpinionOrForgettingIsAFixAnywhere holds every connector to what such words
// mean, whoever uses them.
func TestNoWordOfOpinionOrForgettingIsAFixAnywhere(t *testing.T) {
	none := []string{"accepted", "aged", "archived", "auto_dismissed", "auto-dismissed", "deferred", "deleted", "dismissed", "duplicate", "excluded", "expired",
		"false_positive", "false positive", "false-positive", "gone", "hidden", "ignored", "inactive", "informative", "muted", "not_affected", "not_applicable",
		"not-applicable", "out_of_scope", "purged", "rejected", "retired", "risk_accepted", "spam", "stale", "suppressed", "unreachable", "wont_fix", "wontfix"}
	// A vendor that means a test by one of them.
	means := map[string][]string{"scc": {"inactive"}, "gcpscc": {"inactive"}}
	for _, reg := range builtin.List() {
		for word, status := range reg.Statuses {
			if slices.Contains(none, word) && !slices.Contains(means[reg.Name], word) {
				require.NotEqual(t, exposure.StatusFixed, status, "%s: %q", reg.Name, word)
			}
		}
	}
}
