using System.Collections.Frozen;
using ScaiGrid.Core.Modules;

namespace ScaiGrid.Platform.Scheduling;

/// <summary>The declared tasks by name.</summary>
internal sealed record ScheduledTasks(FrozenDictionary<string, ScheduledTask> ByName);
