package exposure

import "time"

// VerdictOutcome is what a validation found.
type VerdictOutcome string

// The verdict outcomes. Inconclusive is everything that is neither proof of presence
// nor proof of absence: a dead host, a time-out, a block page, an engine error.
const (
	Confirmed    VerdictOutcome = "confirmed"
	Refuted      VerdictOutcome = "refuted"
	Inconclusive VerdictOutcome = "inconclusive"
)

// Verdict is the outcome of one validation.
type Verdict struct {
	Outcome   VerdictOutcome `json:"outcome"`
	Method    Method         `json:"method"`
	Reason    string         `json:"reason"`             // one sentence a person can read
	CheckedAt time.Time      `json:"checked_at"`         // when the check began
	Evidence  []string       `json:"evidence,omitempty"` // SHA-256 of Evidence blobs, hex
	Vantage   string         `json:"vantage,omitempty"`
	Template  string         `json:"template,omitempty"`  // template id and digest, where one was used
	Signature string         `json:"signature,omitempty"` // base64 Ed25519 over Payload by the vantage's key
	KeyID     string         `json:"key_id,omitempty"`
}

// Method is how a weakness can be verified.
type Method string

// The methods. CoveringRun: only a complete run of the reporting source can tell.
const (
	MethodTemplate    Method = "template"     // its own nuclei template
	MethodCVETemplate Method = "cve_template" // an installed template that claims the CVE
	MethodConnect     Method = "tcp_connect"
	MethodTLS         Method = "tls"
	MethodHTTPHeader  Method = "http_header"
	MethodCoveringRun Method = "covering_run"
)

// Probes reports whether a probe can run the method, now or ever.
func (m Method) Probes() bool { return m != "" && m != MethodCoveringRun }

// Verification says how an exposure can be verified, and where.
type Verification struct {
	Method Method `json:"method"`
	Check  string `json:"check,omitempty"`  // template id, CVE or header name
	Target string `json:"target,omitempty"` // URL or host:port
}

// Evidence is what a verdict rests on: redacted, size-capped, stored by its hash.
type Evidence struct {
	Kind     string    `json:"kind"` // http, tcp, tls, dns
	Target   string    `json:"target"`
	Address  string    `json:"address,omitempty"` // the IP and port that were really dialled
	Request  string    `json:"request,omitempty"`
	Response string    `json:"response,omitempty"`
	Matcher  string    `json:"matcher,omitempty"`
	Template string    `json:"template,omitempty"`
	Digest   string    `json:"digest,omitempty"` // SHA-256 of the template
	Vantage  string    `json:"vantage"`
	At       time.Time `json:"at"`
	Note     string    `json:"note,omitempty"`
}
