using System.Text;
using Microsoft.EntityFrameworkCore.Storage.ValueConversion;

namespace ScaiGrid.Platform.Data;

/// <summary>
/// What is compared with an ASCII column: a character outside ASCII becomes a question mark, which no id has. MariaDB would refuse
/// the comparison ("illegal mix of collations"), so that a caller's made-up id would be an error of ours rather than not found.
/// </summary>
internal sealed class AsciiText() : ValueConverter<string, string>(text => Replace(text), stored => stored)
{
    private static string Replace(string text) => Ascii.IsValid(text) ? text : Encoding.ASCII.GetString(Encoding.ASCII.GetBytes(text));
}
