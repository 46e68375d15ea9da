//! Small companies, and everything that their people can do to one another's roles in any order: as the staff's desk
//! asks, decides, opens and shuts accounts.

use crate::people;

use domain::{
    access::Actor,
    change::{Change, Follows, NotAllowed, Standing, What, World, judge_role, judge_user, keeps_a_super_administrator},
    permission::{Permission as P, Permissions, right},
    role::{Predefined, Rank, Role, RoleId, Roles},
    staff::{Administrators, User, UserState},
};
use people::{catalogue, change_id, custom, noon, role, user};
use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

/// A change that waits, as far as these companies differ by it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
enum Wish {
    Roles {
        asked_by: usize,
        user: usize,
        before: usize,
        after: usize,
    },
    /// The clerks' role gets its next permission.
    Clerk {
        asked_by: usize,
        before: usize,
    },
}

/// Which role each holds (an index into [`Company::HELD`]), who is active, how often the clerks' role was changed.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct State {
    people: Vec<(usize, bool)>,
    edits: usize,
    open: Vec<Wish>,
}

/// Users, actors and catalogues, made once.
struct Company {
    catalogues: Vec<Roles>,
    users: Vec<Vec<[User; 2]>>,
    actors: Vec<Vec<Vec<Arc<Actor>>>>,
}

const NONE: usize = 0;
const CLERK: usize = 1;
const ADMINISTRATOR: usize = 2;
const SUPER: usize = 3;
const EDITS: usize = 2;
const OPEN: usize = 2;

/// What happened, for the rules that it must keep.
struct Step {
    after: State,
    /// Who asked and who approved, where a change came into force.
    applied: Option<(usize, Option<usize>)>,
}

impl Company {
    fn held(index: usize) -> Vec<RoleId> {
        match index {
            NONE => Vec::new(),
            CLERK => vec![role("clerk")],
            ADMINISTRATOR => vec![Predefined::Administrator.id()],
            _ => vec![Predefined::SuperAdministrator.id()],
        }
    }

    fn of(people: usize) -> Self {
        let keys = [P::UsersRolesAssign, P::UsersPermissionsManage, P::UsersUpdate];
        let mut catalogues = vec![catalogue(&[custom("clerk", Permissions::of(&keys))])];
        for gained in [P::CustomersErase, P::DisbursementsApprove] {
            let last = catalogues.last().expect("one");
            let clerk = last.get(&role("clerk")).expect("in the catalogue");
            let more = Role { permissions: clerk.permissions.union(Permissions::of(&[gained])), ..clerk };
            catalogues.push(last.with(more).expect("allowed"));
        }
        let number = |person: usize| u8::try_from(person).expect("few");
        let users: Vec<Vec<[User; 2]>> = (0..people)
            .map(|person| {
                let with = |held| {
                    let active = user(number(person), Self::held(held));
                    [User { state: UserState::Deactivated, ..active.clone() }, active]
                };
                (NONE..=SUPER).map(with).collect()
            })
            .collect();
        let actors = users
            .iter()
            .map(|held| {
                held.iter().map(|[_, user]| catalogues.iter().map(|roles| people::actor(user, roles)).collect())
            })
            .map(Iterator::collect)
            .collect();
        Self { catalogues, users, actors }
    }

    fn user(&self, state: &State, person: usize) -> &User {
        let (held, active) = state.people[person];
        &self.users[person][held][usize::from(active)]
    }

    /// Somebody who can act: only active people are admitted.
    fn actor(&self, state: &State, person: usize) -> Option<&Arc<Actor>> {
        let (held, active) = state.people[person];
        active.then(|| &self.actors[person][held][state.edits])
    }

    /// The row as it must be: it is compared after each step with the row as the desk writes it.
    fn row(&self, state: &State) -> Administrators {
        let rank = |held: usize| if held == SUPER { Rank::SuperAdministrator } else { Rank::Administrator };
        let members: BTreeMap<_, _> = (0..state.people.len())
            .filter(|person| state.people[*person].1 && state.people[*person].0 >= ADMINISTRATOR)
            .map(|person| (self.user(state, person).id.clone(), rank(state.people[person].0)))
            .collect();
        Administrators { members, version: 1 }
    }

    fn permissions(&self, state: &State, person: usize) -> Permissions {
        self.user(state, person).permissions(&self.catalogues[state.edits])
    }

    fn change(&self, wish: Wish) -> Change {
        let (asked_by, what, rank) = match wish {
            Wish::Roles { asked_by, user, before, after } => {
                let touched = self.users[user][before.max(after)][1].rank(&self.catalogues[0]);
                let (before, after) = (Self::held(before), Self::held(after));
                (asked_by, What::UserRoles { user: self.users[user][0][1].id.clone(), before, after }, touched)
            }
            Wish::Clerk { asked_by, before } => {
                let of = |edits: usize| self.catalogues[edits].get(&role("clerk"));
                let after = of(before + 1).map(|role| Role { version: role.version - 1, ..role });
                (asked_by, What::Role { role: role("clerk"), before: of(before), after }, Rank::Staff)
            }
        };
        let asked_by = self.users[asked_by][0][1].id.clone();
        Change { id: change_id(1), what, rank, asked_by, asked_at: noon(), standing: Standing::Open, version: 1 }
    }

    /// The state in which `wish` is in force, with the row as the desk writes it.
    fn in_force(&self, state: &State, wish: Wish, row: &Administrators, wrote_row: bool) -> State {
        let mut after = state.clone();
        let written = match wish {
            Wish::Roles { user, after: held, .. } => {
                after.people[user].0 = held;
                row.with(self.user(&after, user), &self.catalogues[state.edits])
            }
            Wish::Clerk { .. } => {
                after.edits += 1;
                row.clone()
            }
        };
        let stands = if wrote_row { &written } else { row };
        assert_eq!(stands.members, self.row(&after).members, "the row of administrators is right: {state:?} {wish:?}");
        after
    }

    fn ask(&self, state: &State, wish: Wish) -> Result<Option<Step>, NotAllowed> {
        let row = self.row(state);
        let roles = &self.catalogues[state.edits];
        let world = World { roles, administrators: &row };
        let (asked_by, follows) = match wish {
            Wish::Roles { asked_by, user, after, .. } => {
                let Some(actor) = self.actor(state, asked_by) else { return Ok(None) };
                if actor.permit::<right::UsersRolesAssign>().is_err() {
                    return Ok(None);
                }
                let before = self.user(state, user);
                let wanted = User { roles: Self::held(after), ..before.clone() };
                let (rank, follows) = judge_user(actor, before, &wanted, &world)?;
                assert_eq!(rank, self.change(wish).rank);
                (asked_by, follows)
            }
            Wish::Clerk { asked_by, .. } => {
                let Some(actor) = self.actor(state, asked_by) else { return Ok(None) };
                if actor.permit::<right::UsersPermissionsManage>().is_err() {
                    return Ok(None);
                }
                let What::Role { before, after, .. } = self.change(wish).what else { return Ok(None) };
                (asked_by, judge_role(actor, before.as_ref(), after.as_ref(), &world)?)
            }
        };
        if follows == Follows::Waived {
            let after = self.in_force(state, wish, &row, true);
            return Ok(Some(Step { after, applied: Some((asked_by, None)) }));
        }
        if state.open.len() == OPEN || state.open.contains(&wish) {
            return Ok(None);
        }
        let mut after = state.clone();
        after.open.push(wish);
        after.open.sort_unstable();
        Ok(Some(Step { after, applied: None }))
    }

    fn decide(&self, state: &State, at: usize, decides: usize, approve: bool) -> Result<Option<Step>, NotAllowed> {
        let Some(actor) = self.actor(state, decides) else { return Ok(None) };
        if actor.permit::<right::UsersRolesAssign>().is_err() {
            return Ok(None);
        }
        let wish = state.open[at];
        let change = self.change(wish);
        change.judge(actor, noon())?;
        let mut after = state.clone();
        after.open.remove(at);
        if !approve {
            return Ok(Some(Step { after, applied: None }));
        }
        let row = self.row(state);
        let roles = &self.catalogues[state.edits];
        let world = World { roles, administrators: &row };
        let asked_by = match wish {
            Wish::Roles { asked_by, user, .. } => {
                let before = self.user(state, user);
                let wanted = change.applied_to(before, &world, noon())?;
                judge_user(actor, before, &wanted, &world)?;
                asked_by
            }
            Wish::Clerk { asked_by, .. } => {
                let What::Role { role, before, after } = &change.what else { return Ok(None) };
                if roles.get(role) != *before {
                    return Err(NotAllowed::Outdated);
                }
                judge_role(actor, before.as_ref(), after.as_ref(), &world)?;
                asked_by
            }
        };
        let after = self.in_force(&after, wish, &row, change.rank > Rank::Staff);
        Ok(Some(Step { after, applied: Some((asked_by, Some(decides))) }))
    }

    /// Shuts or opens an account, which takes one person.
    fn switch(&self, state: &State, acts: usize, user: usize) -> Result<Option<Step>, NotAllowed> {
        let Some(actor) = self.actor(state, acts) else { return Ok(None) };
        if actor.permit::<right::UsersUpdate>().is_err() {
            return Ok(None);
        }
        let (row, roles) = (self.row(state), &self.catalogues[state.edits]);
        let before = self.user(state, user);
        if acts == user || !actor.rank().manages(before.rank(roles)) {
            return Err(NotAllowed::Above);
        }
        let mut after = state.clone();
        after.people[user].1 = !after.people[user].1;
        let becomes = self.user(&after, user);
        keeps_a_super_administrator(before, becomes, &World { roles, administrators: &row })?;
        let written = if before.rank(roles) > Rank::Staff { row.with(becomes, roles) } else { row };
        assert_eq!(written.members, self.row(&after).members, "the row of administrators is right: {state:?}");
        Ok(Some(Step { after, applied: None }))
    }

    /// Everything that anybody can do in this state.
    fn steps(&self, state: &State) -> Vec<Step> {
        let everybody = 0..state.people.len();
        let mut found = Vec::new();
        for acts in everybody.clone() {
            for user in everybody.clone() {
                for after in NONE..=SUPER {
                    let wish = Wish::Roles { asked_by: acts, user, before: state.people[user].0, after };
                    found.push(self.ask(state, wish));
                }
                found.push(self.switch(state, acts, user));
            }
            if state.edits < EDITS {
                found.push(self.ask(state, Wish::Clerk { asked_by: acts, before: state.edits }));
            }
            for at in 0..state.open.len() {
                found.push(self.decide(state, at, acts, true));
                found.push(self.decide(state, at, acts, false));
            }
        }
        found.into_iter().filter_map(|step| step.ok().flatten()).collect()
    }

    /// What must be true of every step, told without the functions under test.
    fn check(&self, before: &State, step: &Step, seen: &mut Seen) {
        let everybody = 0..before.people.len();
        let supers = step.after.people.iter().filter(|person| **person == (SUPER, true)).count();
        assert!(supers > 0, "somebody is at the top: {before:?}");
        let gains = |person: &usize| {
            let had = self.permissions(before, *person);
            let gained = self.permissions(&step.after, *person).without(had);
            let rises = step.after.people[*person].0 > before.people[*person].0.max(CLERK);
            (!gained.is_empty() || rises).then_some((*person, gained, step.after.people[*person].0))
        };
        let gained: Vec<(usize, Permissions, usize)> = everybody.clone().filter_map(|person| gains(&person)).collect();
        let Some((asked_by, approved_by)) = step.applied else {
            assert!(gained.is_empty(), "nobody gains but by a change in force: {before:?}");
            return;
        };
        let vouches = approved_by.unwrap_or(asked_by);
        assert_ne!(Some(asked_by), approved_by, "two are two: {before:?}");
        assert!(before.people[vouches].1, "who vouches is active: {before:?}");
        for (person, more, held) in gained {
            assert_ne!(person, vouches, "nobody raises themself: {before:?}");
            assert!(more.is_subset_of(self.permissions(before, vouches)), "nor gives what they don't hold: {before:?}");
            assert!(held < ADMINISTRATOR || before.people[vouches].0 == SUPER, "only the top makes administrators");
            seen.gains_by_two += u32::from(approved_by.is_some());
        }
        let touched = (0..before.people.len()).find(|person| before.people[*person].0 != step.after.people[*person].0);
        if let Some(user) = touched {
            assert!(user != asked_by && user != vouches, "nobody changes themself: {before:?}");
        }
        if approved_by.is_none() {
            let highest = touched.map_or(CLERK, |user| before.people[user].0.max(step.after.people[user].0));
            let could = |person: &usize| {
                let (held, active) = before.people[*person];
                let above = held == SUPER || (held == ADMINISTRATOR && highest < ADMINISTRATOR);
                active && above && *person != asked_by && Some(*person) != touched
            };
            assert!(!everybody.clone().any(|person| could(&person)), "somebody else could have approved: {before:?}");
            seen.waived += 1;
        }
    }
}

#[derive(Default)]
struct Seen {
    states: usize,
    gains_by_two: u32,
    waived: u32,
}

/// Everything that can come of `people` within `depth` steps.
fn walked(people: &[usize], depth: usize) -> Seen {
    let company = Company::of(people.len());
    let start = State { people: people.iter().map(|held| (*held, true)).collect(), edits: 0, open: Vec::new() };
    let mut seen = Seen::default();
    let mut known = HashSet::from([start.clone()]);
    let mut front = vec![start];
    for _ in 0..depth {
        let mut next = Vec::new();
        for state in &front {
            for step in company.steps(state) {
                company.check(state, &step, &mut seen);
                if known.insert(step.after.clone()) {
                    next.push(step.after);
                }
            }
        }
        front = next;
    }
    seen.states = known.len();
    seen
}

fn walk_all(companies: &[(&[usize], usize)]) {
    for (people, depth) in companies {
        let seen = walked(people, *depth);
        assert!(seen.states > 500 && seen.gains_by_two > 0 && seen.waived > 0, "{people:?} {}", seen.states);
    }
}

// proves: ACC-11
#[test]
fn no_sequence_of_acts_among_four_gets_round_the_second_person() {
    walk_all(&[
        (&[SUPER, SUPER, ADMINISTRATOR, CLERK], 4),
        (&[SUPER, ADMINISTRATOR, CLERK, NONE], 3),
        (&[SUPER, CLERK, CLERK, NONE], 3),
    ]);
}

// proves: ACC-11
#[test]
fn no_sequence_of_acts_among_three_gets_round_the_second_person() {
    walk_all(&[(&[SUPER, SUPER, NONE], 4), (&[SUPER, ADMINISTRATOR, CLERK], 5)]);
}

// proves: ACC-11
#[test]
fn one_person_alone_can_change_only_a_role_that_nobody_holds() {
    let seen = walked(&[SUPER], 4);
    assert_eq!((seen.states, seen.gains_by_two, seen.waived), (3, 0, 2));
}
