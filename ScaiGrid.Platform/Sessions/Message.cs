using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using ScaiGrid.Core.Audit;

namespace ScaiGrid.Platform.Sessions;

/// <summary>One message of a session or a room.</summary>
internal sealed class Message
{
    public required string Id { get; init; }

    /// <summary>sess_… or room_…</summary>
    public required string ConversationId { get; init; }

    public required string TenantId { get; init; }

    /// <summary><c>user</c> or <c>assistant</c>.</summary>
    public required string Role { get; init; }

    /// <summary>The user's id, or the model's slug.</summary>
    public required string Author { get; init; }

    [Private]
    public required string Content { get; init; }

    /// <summary>False if the reply was cut off.</summary>
    public required bool IsComplete { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }
}

internal sealed class MessageConfiguration : IEntityTypeConfiguration<Message>
{
    public void Configure(EntityTypeBuilder<Message> builder)
    {
        builder.ToTable("messages");
        builder.HasIndex(message => new { message.ConversationId, message.Id });
    }
}
