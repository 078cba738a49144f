package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/quellsec/quell/internal/lifecycle"
)

// Registry is where workflows are registered: a worker, a replayer or a test environment.
type Registry interface {
	RegisterWorkflowWithOptions(w any, options workflow.RegisterOptions)
}

// Register registers all workflows under their names.
func Register(r Registry) {
	r.RegisterWorkflowWithOptions(Exposure, workflow.RegisterOptions{Name: lifecycle.ExposureWorkflow})
	r.RegisterWorkflowWithOptions(Remediation, workflow.RegisterOptions{Name: lifecycle.RemediationWorkflow})
	r.RegisterWorkflowWithOptions(Ingest, workflow.RegisterOptions{Name: lifecycle.IngestWorkflow})
	r.RegisterWorkflowWithOptions(Sweep, workflow.RegisterOptions{Name: lifecycle.SweepWorkflow})
	r.RegisterWorkflowWithOptions(Reconcile, workflow.RegisterOptions{Name: lifecycle.ReconcileWorkflow})
	r.RegisterWorkflowWithOptions(Campaign, workflow.RegisterOptions{Name: lifecycle.CampaignWorkflow})
	r.RegisterWorkflowWithOptions(Deliver, workflow.RegisterOptions{Name: lifecycle.DeliverWorkflow})
	r.RegisterWorkflowWithOptions(Runbook, workflow.RegisterOptions{Name: lifecycle.RunbookWorkflow})
	r.RegisterWorkflowWithOptions(Sync, workflow.RegisterOptions{Name: lifecycle.SyncWorkflow})
}
