package jira

import "github.com/quellsec/quell/connectors"

var docs = connectors.Page{
	Needs: "An account of its own with the permissions Browse Projects, Create Issues, Edit Issues, Schedule Issues (the due date), Transition Issues, Add Comments, Create Attachments, and Assign Issues " +
		"where tickets are assigned, in each project that tickets go to. Cloud: an API token of that account, or an OAuth 2.0 credential of a service account with the scopes `read:jira-work`, `write:jira-work` and `read:jira-user`. " +
		"Data Center 9 or later: a personal access token. [Connecting a Jira, step by step](../jira.md). `quell trackers check` looks at all of it and says what is missing.",
	Maps: "A remediation is one issue, labelled `quell` and `quell-<remediation>`, with an entity property `quell` that is written in the same request as what it tells of. The project, issue type and components follow `routes`. " +
		"The title, the due date, the priority and the assignee follow the exposures until a person changes one of them: then that one is left alone, until it is put back to what quell wrote last. " +
		"The description has a part of ours between two lines; what stands above and below them stays as people wrote it.",
	Fixed:    "An issue in a status of the category Done is a claim, and re-tested. What is still there reopens the same issue, by the transitions that its workflow offers.",
	Coverage: "Nothing: it keeps tickets, and reports on nothing.",
	Limits: "Jira has no creation that is safe to repeat: after a lost answer the search has to catch up (`search_lag`) before another attempt. Jira answers alike for what is deleted and what is hidden; " +
		"an issue moved to a project that quell may not see, or hidden by a security level in a project whose scheme quell may not see, is taken for deleted. A person who writes in the description in the very moment in which quell does may lose that edit. " +
		"Custom fields are written at creation alone. A campaign's ticket is an epic of `project`, whatever the routes say; on Data Center its parts want `parent_field`, and it itself an Epic Name in `campaign_fields`. Which epic a ticket is below is written once. Refresh tokens (3LO) are for one process; several share a service account's client credentials.",
	Example: `trackers:
  - name: jira
    connector: jira
    config:
      url: https://acme.atlassian.net
      user: quell@acme.example
      token: ${env:JIRA_TOKEN}
      project: SEC
      issue_type: Task
      secret: ${env:JIRA_WEBHOOK_SECRET}
      routes:
        - when: owner == "payments" || "pci" in scopes
          project: PAY
          issue_type: Bug
      fields:
        customfield_10042: '{"value": severity}'
      transition_fields:
        resolution: '{"name": "Done"}'
`,
}
