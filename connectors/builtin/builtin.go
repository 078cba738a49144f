// Package builtin is THE list of connectors, one line each. Nothing registers itself.
package builtin

import (
	"cmp"
	"slices"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/aikido"
	"github.com/quellsec/quell/connectors/atomicredteam"
	"github.com/quellsec/quell/connectors/attire"
	"github.com/quellsec/quell/connectors/awsinventory"
	"github.com/quellsec/quell/connectors/backstage"
	"github.com/quellsec/quell/connectors/bbot"
	"github.com/quellsec/quell/connectors/bitsight"
	"github.com/quellsec/quell/connectors/bloodhound"
	"github.com/quellsec/quell/connectors/bugcrowd"
	"github.com/quellsec/quell/connectors/burp"
	"github.com/quellsec/quell/connectors/caldera"
	"github.com/quellsec/quell/connectors/censys"
	"github.com/quellsec/quell/connectors/checkov"
	"github.com/quellsec/quell/connectors/cobalt"
	"github.com/quellsec/quell/connectors/codeowners"
	"github.com/quellsec/quell/connectors/crowdstrike"
	"github.com/quellsec/quell/connectors/cycognito"
	"github.com/quellsec/quell/connectors/declarative"
	"github.com/quellsec/quell/connectors/defendercloud"
	"github.com/quellsec/quell/connectors/dependencytrack"
	"github.com/quellsec/quell/connectors/device42"
	"github.com/quellsec/quell/connectors/dns"
	"github.com/quellsec/quell/connectors/email"
	"github.com/quellsec/quell/connectors/epss"
	"github.com/quellsec/quell/connectors/fake"
	"github.com/quellsec/quell/connectors/fleet"
	"github.com/quellsec/quell/connectors/gcpasset"
	"github.com/quellsec/quell/connectors/gcpscc"
	"github.com/quellsec/quell/connectors/generic"
	"github.com/quellsec/quell/connectors/github"
	"github.com/quellsec/quell/connectors/githubissues"
	"github.com/quellsec/quell/connectors/gitlab"
	"github.com/quellsec/quell/connectors/gitlabissues"
	"github.com/quellsec/quell/connectors/glpi"
	"github.com/quellsec/quell/connectors/govulncheck"
	"github.com/quellsec/quell/connectors/grype"
	"github.com/quellsec/quell/connectors/hackerone"
	"github.com/quellsec/quell/connectors/inbox"
	"github.com/quellsec/quell/connectors/insightvm"
	"github.com/quellsec/quell/connectors/inspector"
	"github.com/quellsec/quell/connectors/intsights"
	"github.com/quellsec/quell/connectors/jira"
	"github.com/quellsec/quell/connectors/kev"
	"github.com/quellsec/quell/connectors/kubernetes"
	"github.com/quellsec/quell/connectors/kubescape"
	"github.com/quellsec/quell/connectors/localtracker"
	"github.com/quellsec/quell/connectors/mdvm"
	"github.com/quellsec/quell/connectors/msteams"
	"github.com/quellsec/quell/connectors/nessus"
	"github.com/quellsec/quell/connectors/netbox"
	"github.com/quellsec/quell/connectors/nexpose"
	"github.com/quellsec/quell/connectors/nmap"
	"github.com/quellsec/quell/connectors/nuclei"
	"github.com/quellsec/quell/connectors/nvd"
	"github.com/quellsec/quell/connectors/ocsf"
	"github.com/quellsec/quell/connectors/okta"
	"github.com/quellsec/quell/connectors/openaudit"
	"github.com/quellsec/quell/connectors/openscap"
	"github.com/quellsec/quell/connectors/openvas"
	"github.com/quellsec/quell/connectors/opsgenie"
	"github.com/quellsec/quell/connectors/orca"
	"github.com/quellsec/quell/connectors/osvscanner"
	"github.com/quellsec/quell/connectors/pagerduty"
	"github.com/quellsec/quell/connectors/projectdiscovery"
	"github.com/quellsec/quell/connectors/prowler"
	"github.com/quellsec/quell/connectors/qualys"
	"github.com/quellsec/quell/connectors/resourcegraph"
	"github.com/quellsec/quell/connectors/runzero"
	"github.com/quellsec/quell/connectors/sarif"
	"github.com/quellsec/quell/connectors/securityhub"
	"github.com/quellsec/quell/connectors/semgrep"
	"github.com/quellsec/quell/connectors/sentinelone"
	"github.com/quellsec/quell/connectors/servicenow"
	"github.com/quellsec/quell/connectors/servicenowincident"
	"github.com/quellsec/quell/connectors/shodan"
	"github.com/quellsec/quell/connectors/slack"
	"github.com/quellsec/quell/connectors/snipeit"
	"github.com/quellsec/quell/connectors/snyk"
	"github.com/quellsec/quell/connectors/tenable"
	"github.com/quellsec/quell/connectors/terraform"
	"github.com/quellsec/quell/connectors/testssl"
	"github.com/quellsec/quell/connectors/trivy"
	"github.com/quellsec/quell/connectors/trivyoperator"
	"github.com/quellsec/quell/connectors/upwind"
	"github.com/quellsec/quell/connectors/vex"
	"github.com/quellsec/quell/connectors/vulnrichment"
	"github.com/quellsec/quell/connectors/wazuh"
	"github.com/quellsec/quell/connectors/webhookout"
	"github.com/quellsec/quell/connectors/wiz"
	"github.com/quellsec/quell/connectors/zap"
	"github.com/quellsec/quell/internal/fault"
)

// List gives every connector, by name.
func List() []connectors.Registration {
	all := slices.Concat(reports(), services(), inventories(), intelligence(), outlets())
	slices.SortFunc(all, func(a, b connectors.Registration) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// reports are formats that tools write, and that are delivered.
func reports() []connectors.Registration {
	return []connectors.Registration{
		aikido.Registration(),
		atomicredteam.Registration(),
		attire.Registration(),
		bbot.Registration(),
		bitsight.Registration(),
		caldera.Registration(),
		censys.Registration(),
		checkov.Registration(),
		cobalt.Registration(),
		cycognito.Registration(),
		dependencytrack.Registration(),
		generic.Registration(),
		govulncheck.Registration(),
		grype.Registration(),
		intsights.Registration(),
		kubescape.Registration(),
		nessus.Registration(),
		nexpose.Registration(),
		nmap.Registration(),
		nuclei.Registration(),
		ocsf.Registration(),
		openscap.Registration(),
		openvas.Registration(),
		orca.Registration(),
		osvscanner.Registration(),
		projectdiscovery.Registration(),
		prowler.Registration(),
		sarif.Registration(),
		semgrep.Registration(),
		testssl.Registration(),
		trivy.Registration(),
		trivyoperator.Registration(),
		upwind.Registration(),
		vex.Registration(),
		zap.Registration(),
	}
}

// services are asked what they have found.
func services() []connectors.Registration {
	return []connectors.Registration{
		bloodhound.Registration(),
		bugcrowd.Registration(),
		burp.Registration(),
		crowdstrike.Registration(),
		declarative.Registration(),
		defendercloud.Registration(),
		dns.Registration(),
		fake.Registration(),
		gcpscc.Registration(),
		github.Registration(),
		gitlab.Registration(),
		hackerone.Registration(),
		insightvm.Registration(),
		inspector.Registration(),
		mdvm.Registration(),
		qualys.Registration(),
		runzero.Registration(),
		securityhub.Registration(),
		sentinelone.Registration(),
		shodan.Registration(),
		snyk.Registration(),
		tenable.Registration(),
		wazuh.Registration(),
		wiz.Registration(),
	}
}

// inventories know what there is.
func inventories() []connectors.Registration {
	return []connectors.Registration{
		awsinventory.Registration(),
		backstage.Registration(),
		codeowners.Registration(),
		device42.Registration(),
		fleet.Registration(),
		gcpasset.Registration(),
		glpi.Registration(),
		kubernetes.Registration(),
		netbox.Registration(),
		okta.Registration(),
		openaudit.Registration(),
		resourcegraph.Registration(),
		servicenow.Registration(),
		snipeit.Registration(),
		terraform.Registration(),
	}
}

// intelligence is known of weaknesses wherever they are.
func intelligence() []connectors.Registration {
	return []connectors.Registration{
		epss.Registration(),
		kev.Registration(),
		nvd.Registration(),
		vulnrichment.Registration(),
	}
}

// outlets are trackers and notifiers: what people hear through.
func outlets() []connectors.Registration {
	return []connectors.Registration{
		email.Registration(),
		githubissues.Registration(),
		gitlabissues.Registration(),
		inbox.Registration(),
		jira.Registration(),
		localtracker.Registration(),
		msteams.Registration(),
		opsgenie.Registration(),
		pagerduty.Registration(),
		servicenowincident.Registration(),
		slack.Registration(),
		webhookout.Registration(),
	}
}

// Find gives the connector of a name, or an error of kind NotFound that lists the names.
func Find(name string) (connectors.Registration, error) {
	list := List()
	names := make([]string, 0, len(list))
	for _, reg := range list {
		if reg.Name == name {
			return reg, nil
		}
		names = append(names, reg.Name)
	}
	return connectors.Registration{}, fault.New(fault.NotFound, "there is no connector %q; there are %s", name, strings.Join(names, ", "))
}

// Recognize gives the connector that is surest that a body is of its format, by the
// body's first bytes and its file name, which may be empty. Where none is, or two are
// equally sure, it is an error of kind Invalid that says so.
func Recognize(head []byte, name string) (connectors.Registration, error) {
	return recognize(List(), head, name)
}

func recognize(list []connectors.Registration, head []byte, name string) (connectors.Registration, error) {
	head = head[:min(len(head), connectors.RecognizeBytes)]
	type candidate struct {
		reg  connectors.Registration
		sure int
	}
	var candidates []candidate
	for _, reg := range list {
		if reg.Recognize == nil {
			continue
		}
		if sure := reg.Recognize(head, name); sure > 0 {
			candidates = append(candidates, candidate{reg, sure})
		}
	}
	slices.SortStableFunc(candidates, func(a, b candidate) int { return cmp.Compare(b.sure, a.sure) })
	switch {
	case len(candidates) == 0:
		return connectors.Registration{}, fault.New(fault.Invalid, "no connector recognises this format: name one")
	case len(candidates) > 1 && candidates[0].sure == candidates[1].sure:
		return connectors.Registration{}, fault.New(fault.Invalid, "this may be of %s or %s: name one", candidates[0].reg.Name, candidates[1].reg.Name)
	}
	return candidates[0].reg, nil
}
