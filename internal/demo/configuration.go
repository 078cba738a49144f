package demo

import "fmt"

// hookToken authenticates the demo's webhooks. It is no secret: it opens a daemon that
// lives for two minutes on this machine.
const hookToken = "demo-webhook-token" //nolint:gosec // see above

// The teams of the story. Nobody owns the file store.
const (
	webTeam      = "web"
	platformTeam = "platform"
	filesTeam    = "files"
)

// configuration is the demo's quell.yaml: three scanners that report by webhook on a lab
// on this machine, two scopes with owners and one without, and timers short enough to see.
func configuration(tokenFile string) string {
	return fmt.Sprintf(`sources:
  - {name: demo-nmap, connector: nmap, zone: demo, local: true, webhook: {token: "${file:%[1]s}"}}
  - {name: demo-nuclei, connector: nuclei, zone: demo, local: true, webhook: {token: "${file:%[1]s}"}}
  - {name: demo-trivy, connector: trivy, zone: demo, webhook: {token: "${file:%[1]s}"}}

scopes:
  - name: portal
    include: [{identifier: "label:127.0.0.1"}]
    mission_impact: high
    internet: "yes"
    engagement: {probe: true, consent: the demo attacks only itself, vantage: local, networks: [127.0.0.0/8], rate_per_host: 50}
  - name: file-store
    include: [{identifier: "label:127.0.0.2"}]
    mission_impact: high
    internet: "yes"
    engagement: {probe: true, consent: the demo attacks only itself, vantage: local, networks: [127.0.0.0/8], rate_per_host: 50}
  - name: images
    include: [{source: demo-trivy}]
    mission_impact: medium
    internet: "no"

owners:
  teams: [{name: web}, {name: platform}, {name: files}]
  unowned: [{after: 2s, to: escalation}]
  route:
    children:
      - {match: ["scope=portal"], team: web}
      - {match: ["scope=images"], team: platform}

follow_up: {sweep: 1s, probe_wait: 1m, ticket_poll: 2s}
policy: {rate_per_minute: 6000}
`, tokenFile)
}
