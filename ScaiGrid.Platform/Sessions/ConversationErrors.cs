using System.Globalization;
using ScaiGrid.Core.Errors;

namespace ScaiGrid.Platform.Sessions;

/// <summary>Errors of sessions and rooms.</summary>
internal static class ConversationErrors
{
    public static readonly Error TooManySessions = CoreErrors.QuotaExceeded with { Message = "The tenant has the maximum number of sessions: first delete some that are no longer used." };
    public static readonly Error TooManyRooms = CoreErrors.QuotaExceeded with { Message = "The tenant has the maximum number of rooms: first delete some that are no longer used." };

    public static Problem TooLarge(int mostMb) => new(CoreErrors.QuotaExceeded, string.Create(
        CultureInfo.InvariantCulture, $"The tenant's sessions and rooms may take {mostMb} MiB together: first delete some that are no longer used."));
}
