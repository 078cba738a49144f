// Package whole lives through hundreds of lifecycles with the real binaries while their
// processes are killed at random moments, and counts afterwards what came of it.
package whole
