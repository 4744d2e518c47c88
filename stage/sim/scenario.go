package sim

import "slices"

// Scenario is a complication of a plain year.
type Scenario string

// The scenarios. Each may be mixed with others.
const (
	LogOutage     Scenario = "log_outage"     // logs of one to four weeks are lost, of one source or of all
	Holidays      Scenario = "holidays"       // the organisation closes for weeks in summer and at the end of the year
	Robots        Scenario = "robots"         // wall screens, scripts and tabs left open, under people's own logins
	PlatformTeam  Scenario = "platform_team"  // the platform team writes everybody's rules and edits everybody's dashboards
	Incidents     Scenario = "incidents"      // many incidents, in bursts
	TinyTeams     Scenario = "tiny_teams"     // two or three people a team
	LargeTeams    Scenario = "large_teams"    // about forty people a team
	NewTeam       Scenario = "new_team"       // a quarter of the teams is formed during the year
	Dissolved     Scenario = "dissolved"      // a quarter of the teams is dissolved during the year
	Reorganised   Scenario = "reorganised"    // a third of the people change team on one day
	MonthlyLook   Scenario = "monthly_look"   // teams without a weekly ritual look once a month instead
	AlternateLook Scenario = "alternate_look" // teams without a weekly ritual look every other week instead
	SoloLook      Scenario = "solo_look"      // in teams without a ritual one person looks every day, alone
	Gaming        Scenario = "gaming"         // in teams without a ritual one person opens the dashboard every Monday, for the statistics
	Reformatted   Scenario = "reformatted"    // every rule file is reformatted twice, by a person
	Renamed       Scenario = "renamed"        // dashboards are made anew under other uids
)

// Scenarios lists every scenario, in the order in which they are documented.
func Scenarios() []Scenario {
	return []Scenario{
		LogOutage, Holidays, Robots, PlatformTeam, Incidents, TinyTeams, LargeTeams, NewTeam, Dissolved, Reorganised,
		MonthlyLook, AlternateLook, SoloLook, Gaming, Reformatted, Renamed,
	}
}

func (w *world) has(s Scenario) bool { return slices.Contains(w.Scenarios, s) }
