package app

// firstConfig is the configuration that `quell dev` starts with: every file format has a
// source, and everything that is reported is in one scope that nobody may probe until
// somebody consents.
const firstConfig = `# Made by quell dev. Everything here is explained in docs/configuration.md.

sources:
  - {name: nuclei, connector: nuclei, zone: default}
  - {name: nessus, connector: nessus, zone: default}
  - {name: nmap, connector: nmap, zone: default}
  - {name: trivy, connector: trivy}
  - {name: generic, connector: generic}

scopes:
  - name: everything
    include: [{name: "*"}]
    mission_impact: medium
    engagement:
      probe: false # set to true, and name who consented, before anything is probed
      vantage: local

owners:
  teams: [{name: security}]
  route: {}
`
