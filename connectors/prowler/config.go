package prowler

import "github.com/quellsec/quell/connectors"

// Config is the configuration of one Prowler source. There is nothing to set: a report
// says all that is read of it.
type Config struct{}

func defaults() *Config { return &Config{} }

var docs = connectors.Page{
	Needs: "A report of Prowler: `prowler aws --output-formats json-ocsf` (versions 4 and 5, any provider), its CSV, or the JSON of version 3, uploaded or sent to the source's webhook. Reports with `--status FAIL` are read too, but they can't say what was fixed.",
	Maps: "Each check on each resource is a compliance finding `prowler:<check>`, although Prowler writes it as a detection. A muted check is suppressed. The resource is known by its ARN, Azure ID or full name, a GitHub repository by its own; names that are unique only inside an account are qualified by it. " +
		"Tags that name an owner, and the account's name, are hints to the owner. The severity is Prowler's; the frameworks of `compliance` are kept under `vendor`.",
	Fixed:    "The same check on the same resource with the status PASS, muted or not.",
	Coverage: "None: a report doesn't say which checks, services, regions and resources it was run for, so a missing line proves nothing. What passed is said explicitly.",
	Limits: "Checks with the status MANUAL are no findings. A resource that was deleted is simply not in the next report: its findings end with the asset. Prowler's ASFF output is read by the connector securityhub. " +
		"Anonymised reports (`<resource_uid>`) give assets that are known by no identifier.",
	Example: `sources:
  - name: prowler-nightly
    connector: prowler
`,
}
