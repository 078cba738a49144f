package exposure

import "strconv"

// What can end an exception early, beside its date (Exception.EndsOn). A control is named
// as "control:NAME".
const (
	EndsOnKEV      = "kev"      // the CVE entered CISA's catalogue of known exploited vulnerabilities
	EndsOnEvidence = "evidence" // what the sources report changed
	EndsOnInternet = "internet" // the asset became reachable from the internet
	EndsOnFix      = "fix"      // a source knows a fixed version where none was known
	// EndsOnApproverGone: so many of those who approved have left that the quorum is gone.
	EndsOnApproverGone = "approver_gone"
)

// EvidenceDigest is a digest over what the sources report now, to compare with the one
// that an exception was decided on (Exception.Digest). That a source has put a finding
// away, or stopped to look, is no change of evidence: it says nothing of the weakness.
func EvidenceDigest(e Exposure) string {
	var sum uint64 // the order of the findings says nothing
	for i := range e.Findings {
		f := e.Findings[i]
		if !f.Status.Sees() && f.Status != StatusFixed {
			f.Status, f.StatusNote = StatusOpen, ""
		}
		sum += FindingDigest(f)
	}
	return strconv.FormatUint(sum, 16)
}
