// Package e2e drives the real binaries over real HTTP, as an operator and a scanner would:
// it starts them, kills them, takes their data away, and looks at what is left. It knows
// of quell only what stands in its API, its command line and its Temporal namespace.
package e2e
