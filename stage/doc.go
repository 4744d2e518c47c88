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
//	explain    the same in sentences
//	replay     two criteria over the same days: who would move, when and why
//
// What a criterion counts (a series of facts) and how its value becomes "holds" are apart, so that versions of the
// criteria judge the same facts by different rules. Version 1 has a latch with two thresholds, and a heuristic for its
// confidence. Version 2 keeps the latch for what is done once (stages 2 and 3), and believes in habits:
//
//	looks      the team's looks, without machines and work for others
//	rhythm     when a team usually looks
//	ritual     how likely a week is with a ritual, with one person's habit, and with none
//	habit      how often this team shows a habit that shows in most weeks: asking
//	interval   how often one that returns after some weeks of the team's own: making metrics
//	joint      the probability of each combination of habits: they rest on each other, and come and go together
//	exposure   how much of the organisation was at work
//	judge      habits within the bounds of the thresholds
//	belief     the probability that the stage is the true one
package stage
