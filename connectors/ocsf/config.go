package ocsf

import (
	"github.com/quellsec/quell/connectors"
)

// Config is the configuration of one OCSF source.
type Config struct {
	Zone string `yaml:"zone" json:"zone,omitempty" doc:"Network zone of the hosts in devices and resources. Addresses, MACs and bare host names are only compared inside one zone."`
}

func defaults() *Config { return &Config{} }

var docs = connectors.Page{
	Needs: "Findings in the Open Cybersecurity Schema Framework, category 2, version 1.0 or later: one JSON object, an array, or JSON Lines, uploaded or sent to the source's webhook with the source's own secret.",
	Maps: "Each object is a finding `ocsf:<product>:<rule>` on each of its resources and its device, or `ocsf:<CVE>` on each affected package or file. The rule is the first of `metadata.event_code`, the analytic's uid, the compliance control, and the type. " +
		"Class 2002 is a vulnerability; 2003 and 2007 are compliance, and so is 2004 where it carries the result of a check (`status_code` PASS or FAIL, `compliance.status`); other detections and incidents are detections. `finding_info.uid` is the finding's UID. Whatever has no field of ours is kept under `vendor`.",
	Fixed:    "A check whose result is PASS, or a vulnerability (class 2002) whose status is Resolved. Resolved says nothing where the check beside it still fails, and of a detection or incident it says that a person closed it. Archived and Deleted close nothing.",
	Coverage: "None: objects come as they are written, and what is not among them may exist all the same.",
	Limits: "Objects of more than 1 MiB are left out, and counted. A check that a person must make (MANUAL) and one that did not run are no findings. OCSF has no one name for the rule that found something, so a source that fills the fields differently later gives new checks. " +
		"The status of a vulnerability is taken at its word; send a source that lets people resolve them through its own connector.",
	Example: `sources:
  - name: security-lake
    connector: ocsf
    config:
      zone: head-office
`,
}
