package trivyoperator

import (
	"errors"
	"strings"

	"github.com/quellsec/quell/connectors"
)

// Config is the configuration of one cluster's operator.
type Config struct {
	Cluster  string `yaml:"cluster" json:"cluster,omitempty" doc:"Name of the cluster. Sources of one cluster that give it the same name know its workloads as the same ones; without it, they are this source's own."`
	Filtered bool   `yaml:"filtered" json:"filtered,omitempty" doc:"Says that the operator leaves findings out: by severity, by ignoreUnfixed, or by an ignore file or policy. Then what is missing from a report proves nothing."`
}

func defaults() *Config { return &Config{} }

// Validate reports every problem.
func (c *Config) Validate() []error {
	if strings.Contains(c.Cluster, "|") {
		return []error{errors.New("cluster: holds a |")}
	}
	return nil
}

var docs = connectors.Page{ //nolint:gochecknoglobals // a constant text
	Needs: "Trivy Operator with `OPERATOR_WEBHOOK_BROADCAST_URL` set to the source's webhook and `OPERATOR_WEBHOOK_BROADCAST_CUSTOM_HEADERS` to `Authorization:Bearer <token>` of the source; it signs nothing. Or its reports as a file: `kubectl get vulnerabilityreports --all-namespaces --output json`, of one kind at a time.",
	Maps: "A VulnerabilityReport or ExposedSecretReport is of one container of a workload, which is the asset; the image is what it is an instance of. A ReplicaSet is known as its Deployment, and the Job of a CronJob as that, so that a new image in a workload is the same asset. Vulnerabilities are `trivy:vuln:<id>` at their package, as in trivy's own reports, secrets `trivy:secret:<rule>` at their file. " +
		"A ConfigAuditReport is of a workload (`trivy:misconfig:<id>`), an RbacAssessmentReport of a role (`trivy:rbac:<id>`), an InfraAssessmentReport of a node or component (`trivy:infra:<id>`), a ClusterComplianceReport of the cluster (`trivy:compliance:<framework>:<control>`). Their Cluster forms are read likewise. An SBOM tells that its container exists. Checks that passed are left out and counted.",
	Fixed:    "By absence from a later report of the same container, workload or role: each report holds all that was found on it. A report that was deleted (`verb: delete`) fixes nothing: the operator deletes reports to scan again, when their time is up, and with their workload, and does not say which; what it held reads as expired.",
	Coverage: "Each report is a complete small scan of the one thing that it is of, for the checks of its kind, unless `filtered` is set. It has to have a time, as many findings as its summary claims and, if it has none at all, has to name the image's system, since an image that could not be taken apart looks the same as a clean one. A file with reports of several kinds proves nothing. Of a compliance report, those controls are covered that were assessed.",
	Limits:   "The operator gives an image's digest only where the workload does; without it, an image is known by its name. Reports of versions before 0.16 name neither purl nor system of a package: its location is then its name, which other reports of trivy don't share.",
	Example: `sources:
  - name: cluster-lab
    connector: trivyoperator
    config:
      cluster: lab
`,
}
