package kubescape

import (
	"errors"
	"fmt"
	"strings"

	"github.com/quellsec/quell/connectors"
)

// Config is the configuration of one kubescape source.
type Config struct {
	Cluster    string `yaml:"cluster" json:"cluster,omitempty" doc:"Name of the cluster, where the reports don't say or say it otherwise. Sources of one cluster that give it the same name know its workloads as the same ones."`
	Repository string `yaml:"repository" json:"repository,omitempty" doc:"Which repository scanned files are of, as host/owner/name, where the reports don't say."`
}

func defaults() *Config { return &Config{} }

// Validate reports every problem.
func (c *Config) Validate() []error {
	var problems []error
	if strings.Contains(c.Cluster, "|") {
		problems = append(problems, errors.New("cluster: holds a |"))
	}
	if c.Repository != "" && strings.Count(strings.Trim(c.Repository, "/"), "/") < 2 {
		problems = append(problems, fmt.Errorf("repository: %q is not of the form host/owner/name", c.Repository))
	}
	return problems
}

var docs = connectors.Page{ //nolint:gochecknoglobals // a constant text
	Needs: "A report written by `kubescape scan --format json --format-version v2 --output report.json`, of a cluster or of files, uploaded, given to `quell ingest`, or sent to the source's webhook.",
	Maps: "Each control that failed on a resource is a compliance finding `kubescape:<control>`. In a cluster the resource is the asset, named as the kubernetes connector and Trivy Operator name it where `cluster` is the same; in files the repository is, and the place is file and resource. " +
		"Severity is that of the control's score factor, by kubescape's own bounds. What has to be changed is kept as evidence, without the values. A control that passed only by an exception is a suppressed finding. Controls that passed are left out and counted; so are those that were skipped.",
	Fixed:    "By absence from a later report that evaluated the same control on the same resource.",
	Coverage: "A report lists each resource with each control that was evaluated on it, so it proves itself: it is complete for those resources and for the controls that passed or failed on each of them, if it says when it was made and is no part of a series. A control that was skipped anywhere (for want of rights, configuration or review) covers nothing.",
	Limits:   "Vulnerabilities of images that kubescape scans are not read: use the report of the scanner. A scan of local files may have no time (0001-01-01), and then proves nothing.",
	Example: `sources:
  - name: cluster-lab-kubescape
    connector: kubescape
    config:
      cluster: lab
`,
}
