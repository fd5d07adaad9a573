//! How much of a random run may stay uncompared, by reason.

use cr3_unicorn::checker::Tally;
use cr3_unicorn::limits::Limit;

/// Maximum share of each limit, in cases per ten thousand. A limit that is not named may take none.
const SHARES: [(Limit, u64); 50] = [
    (Limit::Syscall, 16),
    (Limit::Invpcid, 18),
    (Limit::LockedRegister, 1),
    (Limit::Cpuid, 17),
    (Limit::TimeStamp, 33),
    (Limit::Unknown, 34),
    (Limit::DebugTrap, 17),
    (Limit::Gate, 13),
    (Limit::ControlValue, 10),
    (Limit::ModelSpecificValue, 8),
    (Limit::BranchTarget, 26),
    (Limit::SysretFlags, 5),
    (Limit::IretFlags, 4),
    (Limit::StackFault, 24),
    (Limit::ReadBeforeWrite, 1233),
    (Limit::CanonicalEdge, 36),
    (Limit::CacheLine, 48),
    (Limit::FetchAhead, 6),
    (Limit::Encoding, 3),
    (Limit::RedundantRex, 26),
    (Limit::TestAlias, 44),
    (Limit::NarrowBranch, 91),
    (Limit::ReturnImmediate, 11),
    (Limit::FarReturn, 45),
    (Limit::LowByteRex, 17),
    (Limit::WideFarPointer, 21),
    (Limit::ShiftRelative, 2),
    (Limit::NarrowBase, 1),
    (Limit::Enter, 25),
    (Limit::FetchOrder, 1),
    (Limit::NarrowTable, 1),
    (Limit::StoredLimit, 1),
    (Limit::PrefixOrder, 2),
    (Limit::RepeatFlags, 1),
    (Limit::NullStack, 1),
    (Limit::InterruptSix, 1),
    (Limit::CompareExchange, 3),
    (Limit::LockedNegate, 4),
    (Limit::RotateFlags, 18),
    (Limit::PushedResume, 1),
    (Limit::SelfModifying, 13),
    (Limit::CompareOrder, 19),
    (Limit::NullTask, 4),
    (Limit::ReturnOrder, 1),
    (Limit::VirtualReturn, 1),
    (Limit::TaskSwitched, 21),
    (Limit::UndefinedResult, 2),
    (Limit::NarrowExtension, 1),
    (Limit::NarrowCount, 1),
    (Limit::DebugAlias, 1),
];

/// Cases beyond its share that chance may give a limit.
const SLACK: u64 = 20;

pub(crate) fn check(cases: u64, tally: &Tally) {
    // Every exception that a step raised is delivered, and no delivery is a step.
    for (limit, count) in tally.mirrored.iter().filter(|(limit, _)| **limit != Limit::Delivery) {
        let share = SHARES.iter().find(|(named, _)| named == limit);
        let most = share.map_or(0, |(_, share)| share * cases / 10_000 + SLACK);
        assert!(*count <= most, "{limit:?} took {count} of {cases} cases: {}", limit.reason());
    }
}
