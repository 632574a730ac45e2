using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using ScaiGrid.Core.Audit;

namespace ScaiGrid.Platform.Sessions;

/// <summary>A user's conversation with one model. (Not a session of a signed-in user, see <c>Auth</c>.)</summary>
internal sealed class ChatSession
{
    public required string Id { get; init; }

    public required string TenantId { get; init; }

    public required string UserId { get; init; }

    /// <summary>The model's slug.</summary>
    public required string Model { get; set; }

    [Private]
    public string? Title { get; set; }

    [Private]
    public string? SystemPrompt { get; set; }

    [Private]
    public required string Metadata { get; set; }

    /// <summary>What it takes with its messages, see <see cref="ConversationLimits"/>.</summary>
    public long Bytes { get; set; }

    public required DateTimeOffset CreatedAt { get; init; }

    public required DateTimeOffset UpdatedAt { get; set; }
}

internal sealed class ChatSessionConfiguration : IEntityTypeConfiguration<ChatSession>
{
    public void Configure(EntityTypeBuilder<ChatSession> builder)
    {
        builder.ToTable("chat_sessions");
        builder.HasIndex(session => new { session.TenantId, session.UserId, session.Id });
        builder.HasIndex(session => new { session.TenantId, session.Bytes });
    }
}
