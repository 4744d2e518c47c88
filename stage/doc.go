// Package stage infers each team's maturity stage from what its people did: acts in, assessment out.
//
// It is arithmetic only: no clock, no logger, no database, no network. The same acts give the same answer, and the
// answer as of an earlier week is what an assessment of that week alone would have said (nothing later leaks in).
//
// The way through the package, one step a file:
//
//	evidence   acts -> facts: what a criterion counts, with the week in which it happened
//	coverage   which weeks could be seen at all, and how far back a window reaches past those that could not
//	infer      facts in windows -> which criteria hold, week by week -> stage, status, history
//	confidence how far the deciding values are from their thresholds
//	explain    the same in sentences
//
// What a criterion counts (a series of facts) and how its value becomes "holds" (a latch with two thresholds) are
// apart, so that a later version can judge the same facts by another rule.
package stage
